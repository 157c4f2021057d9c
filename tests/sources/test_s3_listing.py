"""How a bucket is listed: what is asked of S3, what is not, and what happens when S3 refuses."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from detector.errors import CredentialsError, SourceError, SourceUnavailable
from detector.scope import Scope
from detector.sources.keys import exclusion
from detector.sources.log_source import LeftOut, Listed, LogObject, Unreadable
from detector.sources.opening import open_source
from detector.sources.s3_listing import S3Listing

# Their classes live in conftest.py, which cannot be imported.
FakeS3 = Any
Handler = Any

ACCOUNTS = ["111122223333", "444455556666", "777788889999"]
REGIONS = ["eu-west-1", "us-east-1", "us-west-2"]
DAYS = [datetime(2021, month, day, tzinfo=UTC) for month in (6, 7, 8) for day in (1, 2, 15, 28, 29)]
EVERYTHING = Scope()
JULY = Scope(since=datetime(2021, 7, 15, tzinfo=UTC), until=datetime(2021, 7, 28, 12, tzinfo=UTC))


def log_key(account: str, region: str, day: datetime, kind: str = "CloudTrail") -> str:
    name = f"{account}_{kind}_{region}_{day:%Y%m%dT%H%MZ}_abcdefghijklmnop.json.gz"
    return f"AWSLogs/o-abcd123456/{account}/{kind}/{region}/{day:%Y/%m/%d}/{name}"


def trail() -> dict[str, bytes]:
    kinds = ("CloudTrail", "CloudTrail-Digest")
    return {
        log_key(account, region, day, kind): b"{}"
        for account in ACCOUNTS
        for region in REGIONS
        for day in DAYS
        for kind in kinds
    }


def listing(fake: FakeS3, scope: Scope = EVERYTHING, prefix: str = "") -> list[Listed]:
    return list(open_source(f"s3://trail/{prefix}", fake.options).list(scope))


def keys(found: list[Listed]) -> list[str]:
    return sorted(item.uri.removeprefix("s3://trail/") for item in found if isinstance(item, LogObject))


def reasons(found: list[Listed], kind: type[LeftOut | Unreadable]) -> dict[str, str]:
    return {item.uri.removeprefix("s3://trail/"): item.reason for item in found if isinstance(item, kind)}


def test_accounts_and_regions_out_of_scope_are_never_asked_for(fake_s3: FakeS3) -> None:
    fake_s3.objects = trail()
    scope = Scope(accounts=frozenset({"444455556666"}), regions=frozenset({"us-east-1"}))
    found = listing(fake_s3, scope)
    assert keys(found) == sorted(log_key("444455556666", "us-east-1", day) for day in DAYS)
    account = "AWSLogs/o-abcd123456/444455556666/"
    assert sorted(fake_s3.asked("LIST")) == [
        "",
        "AWSLogs/",
        "AWSLogs/o-abcd123456/",
        account,
        account + "CloudTrail-Digest/",
        account + "CloudTrail-Digest/us-east-1/",
        account + "CloudTrail/",
        account + "CloudTrail/us-east-1/",
    ]
    left_out = reasons(found, LeftOut)
    assert left_out["AWSLogs/o-abcd123456/111122223333/"] == "account 111122223333 is not asked for"
    assert left_out[account + "CloudTrail/eu-west-1/"] == "region eu-west-1 is not asked for"
    assert len(left_out) == 2 + 4


def test_a_date_range_costs_only_the_pages_it_needs(fake_s3: FakeS3) -> None:
    fake_s3.objects = trail()
    fake_s3.page_size = 3
    region = "AWSLogs/o-abcd123456/111122223333/CloudTrail/us-east-1/"
    found = listing(fake_s3, JULY, region)
    assert keys(found) == [log_key("111122223333", "us-east-1", day) for day in DAYS[7:10]]
    assert len(fake_s3.asked("LIST")) == 2  # the three days, and the page on which August begins
    fake_s3.requests.clear()
    assert len(keys(listing(fake_s3, EVERYTHING, region))) == 15
    assert len(fake_s3.asked("LIST")) == 5


def test_a_date_range_says_once_per_region_which_days_were_listed(fake_s3: FakeS3) -> None:
    fake_s3.objects = {log_key("111122223333", "us-east-1", DAYS[8]): b""}
    [region] = [key.partition("/2021/")[0] + "/" for key in fake_s3.objects]
    for scope, days in [
        (JULY, "from 2021-07-15 to 2021-07-29"),
        (Scope(since=JULY.since), "from 2021-07-15"),
        (Scope(until=JULY.until), "to 2021-07-29"),
    ]:
        assert reasons(listing(fake_s3, scope), LeftOut) == {region: f"only the days {days} were listed"}


@pytest.mark.parametrize(
    "scope",
    [
        EVERYTHING,
        JULY,
        Scope(since=JULY.since),
        Scope(until=JULY.until, look_ahead_days=0),
        Scope(accounts=frozenset({"111122223333", "777788889999"}), until=JULY.until),
        Scope(regions=frozenset({"eu-west-1"}), since=JULY.since),
    ],
)
def test_a_pruned_listing_finds_what_filtering_everything_would(fake_s3: FakeS3, scope: Scope) -> None:
    flat = {f"flat/{key.rpartition('/')[2]}": b"" for key in list(trail())[::7]}
    bare = {key.partition("/CloudTrail/")[2]: b"" for key in trail() if "/CloudTrail/" in key and "1111" in key}
    nested = {f"backup/us-west-2/{key}": b"" for key in list(trail())[::5]}
    odd = dict.fromkeys(
        ["us-east-1/x.json", "us-east-1/2021/x.json", "us-east-1/2021/07/x.json", "1/2/3/4/5/6/7.json"], b""
    )
    fake_s3.objects = trail() | flat | bare | nested | odd
    fake_s3.page_size = 7
    everything = keys(listing(fake_s3))
    assert len(everything) == len(set(everything)) > 150
    assert keys(listing(fake_s3, scope)) == [key for key in everything if exclusion(scope, key) is None]


def test_a_tree_without_the_layout_is_walked_five_levels_deep_and_then_listed_flat(fake_s3: FakeS3) -> None:
    fake_s3.objects = {f"a/b/c/d/e/{number}/x.json": b"" for number in range(10)}
    assert len(keys(listing(fake_s3))) == 10
    assert fake_s3.asked("LIST") == ["", "a/", "a/b/", "a/b/c/", "a/b/c/d/", "a/b/c/d/e/"]


def test_dates_prune_a_tree_of_regions_without_the_layout(fake_s3: FakeS3) -> None:
    fake_s3.objects = {f"us-east-1/{day:%Y/%m/%d}/x.json": b"" for day in DAYS}
    assert keys(listing(fake_s3, JULY)) == [f"us-east-1/2021/07/{day}/x.json" for day in (15, 28, 29)]
    assert "us-east-1/2021/06/" not in fake_s3.asked("LIST")


def test_the_layout_is_pruned_however_deep_it_lies(fake_s3: FakeS3) -> None:
    deep = "a/b/c/d/AWSLogs/111122223333/CloudTrail/"
    fake_s3.objects = {f"{deep}{region}/2021/07/01/x.json": b"" for region in REGIONS}
    found = listing(fake_s3, Scope(regions=frozenset({"us-east-1"})))
    assert keys(found) == [f"{deep}us-east-1/2021/07/01/x.json"]
    assert sorted(reasons(found, LeftOut)) == [f"{deep}eu-west-1/", f"{deep}us-west-2/"]


def test_a_listing_that_nobody_takes_waits_and_ends_with_its_threads(fake_s3: FakeS3) -> None:
    fake_s3.objects = {f"{number:04}.json": b"" for number in range(1000)}
    fake_s3.page_size = 10
    ran_ahead = threading.Event()

    def note(_operation: str, _name: str, _handler: Handler) -> None:
        if len(fake_s3.asked("LIST")) > 20:  # of 100: one page is held, 16 wait, one is on its way
            ran_ahead.set()

    fake_s3.faults.append(note)
    stream = open_source("s3://trail", fake_s3.options).list(Scope())
    assert isinstance(next(stream), LogObject)
    assert not ran_ahead.wait(timeout=1)
    stream.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("s3-list")]


def test_access_denied_on_one_prefix_is_named_and_the_others_are_listed(fake_s3: FakeS3) -> None:
    fake_s3.objects = trail()
    denied = "AWSLogs/o-abcd123456/444455556666/"
    fake_s3.fail("LIST", denied, 403, "AccessDenied")
    found = listing(fake_s3)
    assert reasons(found, Unreadable) == {denied: "access denied: s3:ListBucket is not allowed"}
    assert len(keys(found)) == 2 * len(REGIONS) * len(DAYS)


def test_a_prefix_may_be_allowed_only_with_its_slash(fake_s3: FakeS3) -> None:
    fake_s3.objects = {"AWSLogs/x.json": b""}
    fake_s3.faults.append(
        lambda _, name, __: None if name == "AWSLogs/" else (403, b"<Error><Code>AccessDenied</Code></Error>")
    )
    assert keys(listing(fake_s3, prefix="AWSLogs")) == ["AWSLogs/x.json"]


@pytest.mark.parametrize("prefix", ["", "AWSLogs", "AWSLogs/"])
def test_access_denied_at_once_is_an_error_that_names_the_permission(fake_s3: FakeS3, prefix: str) -> None:
    fake_s3.fail("LIST", "", 403, "AccessDenied")
    with pytest.raises(SourceError, match=f"access denied: cannot list s3://trail/{prefix}") as caught:
        listing(fake_s3, prefix=prefix)
    assert "s3:ListBucket on arn:aws:s3:::trail" in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredToken", "have expired"),
        ("InvalidAccessKeyId", "does not know this access key"),
        ("SignatureDoesNotMatch", "secret access key is wrong"),
        ("RequestTimeTooSkewed", "clock is more than 15 minutes off"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "AWSLogs/o-abcd123456/777788889999/CloudTrail/us-east-1/"])
def test_refused_credentials_end_the_listing_whenever_they_are_noticed(
    fake_s3: FakeS3, code: str, message: str, prefix: str
) -> None:
    fake_s3.objects = trail()
    fake_s3.fail("LIST", prefix, 400, code)
    with pytest.raises(CredentialsError, match=message) as caught:
        listing(fake_s3)
    assert caught.value.hint


def test_an_expired_session_of_a_profile_is_answered_with_the_login(
    fake_s3: FakeS3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "aws-config").write_text("[profile audit]\n")
    monkeypatch.setenv("AWS_PROFILE", "audit")
    fake_s3.fail("LIST", "", 400, "ExpiredToken")
    with pytest.raises(CredentialsError) as caught:
        listing(fake_s3)
    assert "aws sso login --profile audit" in caught.value.hint


def test_other_refusals_at_once_are_an_error_with_s3s_own_words(fake_s3: FakeS3) -> None:
    fake_s3.fail("LIST", "", 400, "InvalidRequest", "Missing <something>\nhere")
    with pytest.raises(SourceError, match="cannot list s3://trail/: InvalidRequest: Missing <something> here"):
        listing(fake_s3)


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "SlowDown"), (500, "InternalError"), (400, "ThrottlingException"), (429, "TooManyRequests")],
)
def test_a_server_that_cannot_answer_now_may_be_asked_later(
    fake_s3: FakeS3, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fake_s3.fail("LIST", "", status, code)
    with pytest.raises(SourceUnavailable, match=f"S3 does not list s3://trail/ now: {code}"):
        listing(fake_s3)


def test_a_page_to_log_in_is_no_listing(fake_s3: FakeS3) -> None:
    fake_s3.faults.append(lambda *_: (200, b"<html><body>log in<br></body>"))
    with pytest.raises(SourceUnavailable, match="S3 does not list s3://trail/ now: "):
        listing(fake_s3)


def test_a_throttled_listing_is_asked_again(fake_s3: FakeS3) -> None:
    fake_s3.objects = trail()
    fake_s3.fail("LIST", "AWSLogs/o-abcd123456/111122223333/", 503, "SlowDown", times=1)
    assert len(keys(listing(fake_s3))) == len(ACCOUNTS) * len(REGIONS) * len(DAYS)


@pytest.mark.parametrize(("region", "times"), [("eu-west-1", 0), ("", 1)])
def test_a_server_is_asked_at_most_once_which_region_it_is_in(fake_s3: FakeS3, region: str, times: int) -> None:
    fake_s3.objects, fake_s3.region = trail(), region
    source = open_source("s3://trail/", fake_s3.options)
    list(source.list(EVERYTHING))
    assert [source.reader(), source.reader()]
    assert len(fake_s3.asked("HEAD")) == times


def wrong_region(fake: FakeS3, *, told: bool) -> None:
    """Refuse every request that is not signed for eu-west-1."""
    fake.region = "eu-west-1" if told else ""

    def fault(_operation: str, _name: str, handler: Handler) -> tuple[int, bytes] | None:
        if "/eu-west-1/s3/" in handler.headers["Authorization"]:
            return None
        region = "<Region>eu-west-1</Region>" if told else ""
        return 400, f"<Error><Code>AuthorizationHeaderMalformed</Code><Message>no</Message>{region}</Error>".encode()

    fake.faults.append(fault)


def test_a_bucket_in_another_region_is_listed_and_read_there(fake_s3: FakeS3) -> None:
    fake_s3.objects = {"x.json": b"here"}
    wrong_region(fake_s3, told=True)
    source = open_source("s3://trail", fake_s3.options)
    [item] = source.list(Scope())
    assert isinstance(item, LogObject)
    fake_s3.requests.clear()
    assert [content for _, content in source.reader().read([item])] == [b"here"]
    assert fake_s3.requests == [("GET", "x.json")]


def test_a_bucket_in_a_region_that_nobody_tells_is_an_error_that_asks_for_it(fake_s3: FakeS3) -> None:
    wrong_region(fake_s3, told=False)
    with pytest.raises(SourceError, match="bucket trail is in another region") as caught:
        listing(fake_s3)
    assert caught.value.hint == "set AWS_REGION to the bucket's"


def listed_page(*keys: str, folders: Sequence[str] = (), more: bool = False, token: str = "") -> bytes:
    body = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-03-01T00:00:00Z</LastModified><ETag>e</ETag><Size>2</Size></Contents>"
        for key in keys
    )
    body += "".join(f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders)
    body += f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{body}</ListBucketResult>".encode()


def answer_with(fake: FakeS3, *pages: bytes, prefix: str = "") -> None:
    """Answer listings of `prefix` with these pages, then with the last for ever."""
    left = list(pages)

    def fault(operation: str, name: str, _handler: Handler) -> tuple[int, bytes] | None:
        if (operation, name) != ("LIST", prefix):
            return None
        return 200, left.pop(0) if len(left) > 1 else left[0]

    fake.faults.append(fault)


def test_a_key_that_a_listing_names_again_is_one_object(fake_s3: FakeS3) -> None:
    answer_with(
        fake_s3, listed_page("a.json", "b.json", "a.json", more=True, token="t"), listed_page("b.json", "c.json")
    )
    found = [item.uri for item in listing(fake_s3)]
    assert found == [f"s3://trail/{name}.json" for name in "abc"]


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([listed_page("a.json", "b.json", more=True, token=token) for token in "xyz"], "'a.json' after 'b.json'"),
        ([listed_page("a.json", more=True)], "there is more, but not how to ask for it"),
        ([listed_page("a.json", more=True, token="t")], "same next token"),
        ([listed_page("a.json").replace(b"<Size>2<", b"<Size>many<")], "cannot be understood"),
        ([listed_page("a.json").replace(b"2026-03-01T00:00:00Z", b"yesterday")], "cannot be understood"),
        ([listed_page("a" * 2000)], "which was not asked for"),
    ],
    ids=["the same keys", "no token", "the same token", "size", "time", "long key"],
)
def test_a_listing_that_cannot_be_complete_is_an_error(fake_s3: FakeS3, pages: list[bytes], message: str) -> None:
    answer_with(fake_s3, *pages)
    with pytest.raises(SourceError, match=f"(cannot list s3://trail/: |S3 does not list s3://trail/ now: ).*{message}"):
        listing(fake_s3)


def test_a_listing_that_brings_nothing_for_ever_ends(fake_s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = count()
    fake_s3.faults.append(lambda *_: (200, listed_page("a.json", more=True, token=f"t{next(tokens)}")))
    monkeypatch.setattr(S3Listing, "most_empty_pages", 20)
    with pytest.raises(SourceError, match="pages without anything new"):
        listing(fake_s3)
    assert next(tokens) < 30


def test_a_folder_whose_listing_lies_is_named_and_the_others_are_listed(fake_s3: FakeS3) -> None:
    fake_s3.objects = {"a/1.json": b"{}", "b/1.json": b"{}", "c/1.json": b"{}"}
    answer_with(fake_s3, listed_page("c/1.json", "b/1.json"), prefix="b/")
    found = listing(fake_s3)
    assert keys(found) == ["a/1.json", "c/1.json"]
    assert "which was not asked for" in reasons(found, Unreadable)["b/"]


def test_a_folder_that_names_itself_is_visited_once(fake_s3: FakeS3) -> None:
    answer_with(fake_s3, listed_page("x/AWSLogs/1.json", folders=["x/AWSLogs/"]), prefix="x/AWSLogs/")
    assert keys(listing(fake_s3, prefix="x/AWSLogs/")) == ["x/AWSLogs/1.json"]
    assert fake_s3.asked("LIST") == ["x/AWSLogs/"]


@pytest.mark.parametrize("missing", [b"<ETag>e</ETag>", b"<Size>2</Size>"])
def test_an_object_listed_without_what_it_is_known_by_is_named(fake_s3: FakeS3, missing: bytes) -> None:
    answer_with(fake_s3, listed_page("a.json").replace(missing, b""))
    assert reasons(listing(fake_s3), Unreadable) == {"a.json": "listed without its size or its ETag"}


def test_an_object_without_a_time_is_listed(fake_s3: FakeS3) -> None:
    answer_with(fake_s3, listed_page("a.json").replace(b"<LastModified>2026-03-01T00:00:00Z</LastModified>", b""))
    assert keys(listing(fake_s3)) == ["a.json"]


def test_an_endpoint_lost_midway_ends_the_listing(fake_s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import EndpointConnectionError

    fake_s3.objects = trail()
    lost = EndpointConnectionError(endpoint_url=fake_s3.url)

    def lose(listing: S3Listing, folder: str) -> None:  # noqa: ARG001
        raise lost

    monkeypatch.setattr(S3Listing, "_list_flat", lose)
    with pytest.raises(SourceError, match="cannot reach S3") as caught:
        listing(fake_s3)
    assert "network" in caught.value.hint
