from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from detector.errors import CredentialsError, SourceError, UsageError
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.log_source import LeftOut, Listed, LogObject, Unreadable
from detector.sources.lookup_client import LookupClient
from detector.sources.lookup_events import LookupEventsReader, LookupEventsSource, Window, parse_window
from detector.sources.rate_limit import RateLimiter
from tests.lookup_server import ACCOUNT, LookupServer

NOW = datetime(2026, 3, 1, 9, 20, tzinfo=UTC)


class Time:
    """A clock that moves only when somebody sleeps."""

    now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def open_history(
    lookup_server: LookupServer, time: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., LookupEventsSource]:
    for name, value in lookup_server.variables.items():
        monkeypatch.setenv(name, value)
    lookup_server.now = NOW + timedelta(minutes=5)  # clocks differ

    def open_one(*, root_only: bool = False, now: datetime = NOW) -> LookupEventsSource:
        rate_limiter = RateLimiter(tmp_path, 0.5, time.clock, time.sleep)
        return LookupEventsSource(AwsOptions(), root_only=root_only, rate_limiter=rate_limiter, now=lambda: now)

    return open_one


Open = Callable[..., LookupEventsSource]


def record(number: int, happened: datetime, *, region: str = "us-east-1", **fields: object) -> dict[str, Any]:
    base = {"eventID": f"event-{number}", "eventName": "GetUser", "awsRegion": region}
    return base | {"eventTime": f"{happened:%Y-%m-%dT%H:%M:%SZ}"} | fields


def windows(listing: list[Listed]) -> list[LogObject]:
    return [one for one in listing if isinstance(one, LogObject)]


def read(source: LookupEventsSource, *objects: LogObject) -> list[list[dict[str, Any]] | Unreadable]:
    """The records of each window, in the order of `objects`."""
    found = {one.uri: stored for one, stored in source.reader().read(objects)}
    return [
        stored
        if isinstance(stored, Unreadable)
        else [json.loads(event["CloudTrailEvent"]) for event in json.loads(stored)["Events"]]
        for stored in (found[one.uri] for one in objects)
    ]


def event_ids(found: list[dict[str, Any]] | Unreadable) -> list[str]:
    assert not isinstance(found, Unreadable)
    return [one["eventID"] for one in found]


def scope(hours: int = 12, *regions: str) -> Scope:
    return Scope(regions=frozenset(regions), since=NOW - timedelta(hours=hours))


# What is listed -------------------------------------------------------------------------------------------------------


def test_fixed_windows_are_listed_newest_first_for_each_region(open_history: Open) -> None:
    listed = windows(list(open_history().list(scope(12, "us-east-1", "eu-west-1"))))
    starts = [parse_window(one.uri).start for one in listed]
    assert starts == sorted(starts, reverse=True)
    assert {start.hour % 6 for start in starts} == {0}
    assert {parse_window(one.uri).region for one in listed} == {"us-east-1", "eu-west-1"}
    assert starts[0] <= NOW < starts[0] + timedelta(hours=6)
    assert starts[-1] <= NOW - timedelta(hours=12)


def test_a_window_that_may_still_grow_is_told_apart_from_one_that_is_settled(open_history: Open) -> None:
    before = {one.uri: one.etag for one in windows(list(open_history().list(scope(48))))}
    later = NOW + timedelta(minutes=5)
    after = {one.uri: one.etag for one in windows(list(open_history(now=later).list(scope(48))))}
    settled = [uri for uri in before if parse_window(uri).end + timedelta(hours=6) <= NOW]
    assert len(settled) > 4
    assert {before[uri] for uri in settled} == {"settled"}
    assert all(before[uri] == after[uri] for uri in settled)
    assert all(before[uri] != after[uri] for uri in before.keys() - set(settled))


def test_without_region_the_own_one_and_roots_are_looked_up_and_that_is_said(
    open_history: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    listed = list(open_history().list(scope(1)))
    assert {parse_window(one.uri).region for one in windows(listed)} == {"eu-west-1", "us-east-1"}
    assert any(isinstance(one, LeftOut) and "eu-west-1, us-east-1" in one.reason for one in listed)


def test_leaving_out_the_region_where_root_signs_in_is_said(open_history: Open) -> None:
    listed = list(open_history().list(scope(1, "eu-west-1")))
    assert any(isinstance(one, LeftOut) and "root signs in in us-east-1" in one.reason for one in listed)


def test_what_is_older_than_90_days_is_left_out_by_name(open_history: Open) -> None:
    listed = list(open_history().list(Scope(since=NOW - timedelta(days=400))))
    assert any(isinstance(one, LeftOut) and "LookupEvents keeps 90 days" in one.reason for one in listed)
    assert len(windows(listed)) == 361
    [oldest] = read(open_history(), windows(listed)[-1])  # the server refuses a start before 90 days ago
    assert oldest == []


def test_an_account_that_is_not_asked_for_is_left_out(open_history: Open, lookup_server: LookupServer) -> None:
    [left_out] = open_history().list(Scope(accounts=frozenset({"999988887777"})))
    assert isinstance(left_out, LeftOut)
    assert ACCOUNT in left_out.reason
    assert lookup_server.requests == []


# What is read ---------------------------------------------------------------------------------------------------------


def test_all_pages_of_a_window_are_read_also_after_empty_ones(open_history: Open, lookup_server: LookupServer) -> None:
    window = windows(list(open_history().list(scope(24, "us-east-1"))))[2]
    start = parse_window(window.uri).start
    records = [record(number, start + timedelta(seconds=number)) for number in range(7)]
    for one in records:
        lookup_server.add(one)
    lookup_server.page_size, lookup_server.empty_pages = 2, 2
    [found] = read(open_history(), window)
    assert found == records[::-1]
    assert len(lookup_server.looked_up) == 2 + 4


def test_an_event_between_two_windows_is_in_one_of_them(open_history: Open, lookup_server: LookupServer) -> None:
    later, earlier = windows(list(open_history().list(scope(24, "us-east-1"))))[2:4]
    start = parse_window(later.uri).start
    assert parse_window(earlier.uri).end == start
    lookup_server.add(record(1, start - timedelta(seconds=1)))
    lookup_server.add(record(2, start))
    assert [event_ids(found) for found in read(open_history(), later, earlier)] == [["event-2"], ["event-1"]]


def test_root_only_asks_for_roots_name_a_day_at_a_time(open_history: Open, lookup_server: LookupServer) -> None:
    source = open_history(root_only=True)
    listed = windows(list(source.list(scope(24 * 3, "us-east-1"))))
    assert len(listed) == 4
    happened = parse_window(listed[1].uri).start + timedelta(hours=23)
    lookup_server.add(record(1, happened), username="alice")
    lookup_server.add(record(2, happened), username="root")
    [found] = read(source, listed[1])
    assert event_ids(found) == ["event-2"]
    assert not {one.uri for one in listed} & {one.uri for one in windows(list(open_history().list(scope(24 * 3))))}


def test_a_reader_crosses_to_other_processes_and_shows_no_key(open_history: Open, tmp_path: Path) -> None:
    source = open_history()
    assert "the-secret-of-the-tests" not in repr(source.reader())
    reader = LookupEventsReader(source.reader().key, None, RateLimiter(tmp_path, 0.0))
    assert pickle.loads(pickle.dumps(reader)) == reader


# The rate, and what goes wrong ----------------------------------------------------------------------------------------


def test_each_request_takes_a_slot_of_its_regions_own(
    lookup_server: LookupServer, open_history: Open, tmp_path: Path
) -> None:
    # Time stands still and nobody sleeps: how many slots are gone is read from the file that the processes share.
    open_history()
    rate_limiter = RateLimiter(tmp_path, 0.5, clock=lambda: 0.0, sleep=lambda _: None)
    source = LookupEventsSource(AwsOptions(), rate_limiter=rate_limiter, now=lambda: NOW)
    listed = windows(list(source.list(scope(24, "us-east-1", "eu-west-1"))))
    for number in range(5):
        lookup_server.add(record(number, parse_window(listed[6].uri).start, region="eu-west-1"))
    lookup_server.page_size = 2
    read(source, *listed)
    for region in ("us-east-1", "eu-west-1"):
        requests = [one for one in lookup_server.requests if one.region == region]
        assert float((tmp_path / region).read_text()) == 0.5 * len(requests)


def test_throttling_and_faults_of_the_server_are_waited_out(
    open_history: Open, lookup_server: LookupServer, time: Time
) -> None:
    source = open_history()
    window = windows(list(source.list(scope(1, "us-east-1"))))[0]
    begun = time.now
    lookup_server.fail("ThrottlingException", times=4)
    lookup_server.fail("InternalError", times=1)
    assert read(source, window) == [[]]
    assert time.now - begun > 1 + 2 + 4 + 8 + 16


def test_a_region_that_throttles_for_ever_is_given_up(open_history: Open, lookup_server: LookupServer) -> None:
    source = open_history()
    window = windows(list(source.list(scope(1, "us-east-1"))))[0]
    lookup_server.fail("ThrottlingException")
    [failure] = read(source, window)
    assert isinstance(failure, Unreadable)
    assert failure.uri == window.uri
    assert "throttled 8 times" in failure.reason
    assert len(lookup_server.looked_up) == 8


def test_an_expired_page_token_begins_the_window_anew_and_three_give_it_up(
    open_history: Open, lookup_server: LookupServer
) -> None:
    source = open_history()
    window = windows(list(source.list(scope(24, "us-east-1"))))[2]
    for number in range(3):
        lookup_server.add(record(number, parse_window(window.uri).start))
    lookup_server.page_size = 2
    lookup_server.fail("InvalidNextTokenException", of_next_pages=True, times=1)
    [found] = read(source, window)
    assert sorted(event_ids(found)) == ["event-0", "event-1", "event-2"]
    lookup_server.fail("InvalidNextTokenException", of_next_pages=True)
    [failure] = read(source, window)
    assert isinstance(failure, Unreadable)
    assert "token for the next page expired" in failure.reason


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", "cloudtrail:LookupEvents is not allowed in eu-west-1"),
        ("UnrecognizedClientException", "has the account enabled it?"),
        ("ValidationError", "ValidationError"),
    ],
)
def test_a_region_that_refuses_is_named_and_the_others_are_read(
    open_history: Open, lookup_server: LookupServer, code: str, told: str
) -> None:
    lookup_server.fail(code, region="eu-west-1")
    listed = list(open_history().list(scope(1, "us-east-1", "eu-west-1")))
    [refused] = [one for one in listed if isinstance(one, Unreadable)]
    assert refused.uri == f"lookup-events://{ACCOUNT}/eu-west-1/"
    assert told in refused.reason
    assert {parse_window(one.uri).region for one in windows(listed)} == {"us-east-1"}


def test_when_every_region_refuses_the_permission_is_named(open_history: Open, lookup_server: LookupServer) -> None:
    lookup_server.fail("AccessDeniedException")
    with pytest.raises(SourceError, match="not allowed in us-east-1") as caught:
        list(open_history().list(scope(1)))
    assert "cloudtrail:LookupEvents" in caught.value.hint


def test_a_region_that_is_none_is_refused_by_name(open_history: Open) -> None:
    with pytest.raises(UsageError, match="us east"):
        list(open_history().list(scope(1, "us east")))


def test_a_region_that_cannot_be_reached_is_named(open_history: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="cannot reach CloudTrail in us-east-1"):
        list(open_history().list(scope(1)))


def test_sts_out_of_reach_is_said(open_history: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(CredentialsError, match="cannot ask STS who you are"):
        list(open_history().list(scope(1)))


def test_expired_credentials_stop_the_reading(open_history: Open, lookup_server: LookupServer) -> None:
    source = open_history()
    listed = windows(list(source.list(scope(24, "us-east-1"))))
    lookup_server.fail("ExpiredTokenException")
    with pytest.raises(CredentialsError, match="expired"):
        read(source, *listed)


def test_a_window_without_end_is_given_up(
    open_history: Open, lookup_server: LookupServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.sources.lookup_events._WINDOW_CAP_BYTES", 1 << 20)
    source = open_history()
    window = windows(list(source.list(scope(24, "us-east-1"))))[2]
    for number in range(3):
        lookup_server.add(record(number, parse_window(window.uri).start), text="x" * 600_000)
    [failure] = read(source, window)
    assert isinstance(failure, Unreadable)
    assert "more than 1 MiB of events" in failure.reason


def test_a_window_that_grew_too_old_while_it_waited_is_named(open_history: Open, tmp_path: Path) -> None:
    source = open_history()
    window = windows(list(source.list(scope(24, "us-east-1"))))[-1]
    later = NOW + timedelta(days=100)
    reader = LookupEventsReader(source.reader().key, None, RateLimiter(tmp_path, 0.0), lambda: later)
    [(_, failure)] = reader.read([window])
    assert isinstance(failure, Unreadable)
    assert "older than 90 days by now" in failure.reason


@pytest.mark.slow
def test_who_stops_reading_does_not_wait_for_the_rest(open_history: Open, lookup_server: LookupServer) -> None:
    source = open_history()
    short, long = windows(list(source.list(scope(24, "us-east-1"))))[2:4]
    start = parse_window(long.uri).start
    for number in range(200):
        lookup_server.add(record(number, start))
    lookup_server.page_size = 1
    stopping = Event()

    def wait_in_the_middle(_region: str, body: dict[str, Any]) -> str | None:
        if "NextToken" in body:
            stopping.wait(timeout=10)
        return None

    lookup_server.faults.append(wait_in_the_middle)
    reading = source.reader().read([short, long])
    assert next(reading)[0] == short
    stopping.set()
    reading.close()  # type: ignore[attr-defined]
    assert len(lookup_server.looked_up) < 150


# The request itself, held against botocore's model of the service -----------------------------------------------------


def test_the_requests_are_those_that_the_service_documents(tmp_path: Path, time: Time) -> None:
    client = boto3.client("cloudtrail", region_name="us-east-1")
    asked = {
        "StartTime": datetime(2026, 3, 1, tzinfo=UTC),
        "EndTime": datetime(2026, 3, 2, tzinfo=UTC),
        "MaxResults": 50,
        "LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "root"}],
    }
    event = {"EventId": "1", "CloudTrailEvent": "{}"}
    with Stubber(client) as stubber:
        stubber.add_response("lookup_events", {"Events": [event], "NextToken": "a"}, asked)
        stubber.add_response("lookup_events", {"Events": [event], "NextToken": "a"}, asked | {"NextToken": "a"})
        lookup = LookupClient(client, RateLimiter(tmp_path, 0.5, time.clock, time.sleep), AwsOptions())
        found = lookup.events(asked["StartTime"], asked["EndTime"], root_only=True)  # type: ignore[arg-type]
        assert [next(found), next(found)] == [event, event]
        with pytest.raises(SourceError, match="the same page again"):
            next(found)
        stubber.assert_no_pending_responses()


def test_a_window_and_its_uri_name_each_other() -> None:
    for window in (
        Window(ACCOUNT, "eu-west-1", datetime(2026, 3, 1, 18, tzinfo=UTC), root_only=False),
        Window(ACCOUNT, "us-gov-west-1", datetime(2026, 3, 1, tzinfo=UTC), root_only=True),
    ):
        assert parse_window(window.uri) == window
    with pytest.raises(ValueError, match="no window"):
        parse_window("s3://trail/x")
