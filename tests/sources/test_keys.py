from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.scope import Scope
from detector.sources.keys import (
    Place,
    before_day,
    exclusion,
    folder_exclusion,
    in_layout,
    other_service,
    parse_folder,
    parse_key,
    skip_reason,
)

NAME = "111122223333_CloudTrail_us-east-1_20210729T2355Z_abcdefghijkl1234.json.gz"
FOLDERS = "111122223333/CloudTrail/us-east-1/2021/07/29"
DAY = date(2021, 7, 29)
WHOLE = Place("111122223333", "CloudTrail", "us-east-1", DAY, DAY, datetime(2021, 7, 29, 23, 55, tzinfo=UTC))
REGIONS = ["us-east-1", "us-gov-west-1", "ap-southeast-2", "eusc-de-east-1", "us-isob-east-1", "ca-central-1"]


@pytest.mark.parametrize(
    "key",
    [
        f"AWSLogs/{FOLDERS}/{NAME}",
        f"AWSLogs/o-abcd123456/{FOLDERS}/{NAME}",
        f"o-abcd123456/AWSLogs/o-abcd123456/{FOLDERS}/{NAME}",
        f"a/b/999988887777/CloudTrail/AWSLogs/{FOLDERS}/{NAME}",
        f"AWSLogs/999988887777/AWSLogs/{FOLDERS}/{NAME}",
        f"a//AWSLogs//{FOLDERS}/{NAME}",
        f"{FOLDERS}/{NAME}",
        f"us-east-1/2021/07/29/{NAME}",
        f"copies/{NAME}",
        NAME,
    ],
)
def test_a_log_file_is_understood_wherever_it_was_put(key: str) -> None:
    assert parse_key(key) == WHOLE
    assert skip_reason(key) is None


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (f"AWSLogs/{FOLDERS}/renamed.json", Place("111122223333", "CloudTrail", "us-east-1", DAY, DAY)),
        (f"{FOLDERS}/renamed.json", Place("111122223333", "CloudTrail", "us-east-1", DAY, DAY)),
        ("x/eu-west-3/2021/07/renamed.json", Place(None, None, "eu-west-3", date(2021, 7, 1), date(2021, 7, 31))),
        ("x/eu-west-3/2021/99/renamed.json", Place(None, None, "eu-west-3", date(2021, 1, 1), date(2021, 12, 31))),
        ("x/eu-west-3/2021/02/30/a.json", Place(None, None, "eu-west-3", date(2021, 2, 1), date(2021, 2, 28))),
        (
            "000011112222/eu-west-3/2021/a",
            Place("000011112222", None, "eu-west-3", date(2021, 1, 1), date(2021, 12, 31)),
        ),
        ("CloudTrail/x/eu-west-3/2021/07/29/a", Place(None, "CloudTrail", "eu-west-3", DAY, DAY)),
        ("AWSLogs/111122223333/eu-west-3/2021/07/29/a", Place("111122223333", None, "eu-west-3", DAY, DAY)),
        ("AWSLogs/111122223333/README", Place("111122223333")),
        ("AWSLogs/CloudTrail/eu-west-3/2021/07/29/a", Place(None, "CloudTrail", "eu-west-3", DAY, DAY)),
        ("202107291200/eu-west-3/a.json", Place()),
        ("my-logs-1/2021/07/29/a.json", Place()),
        ("111122223333_CloudTrail_us-east-1_20219929T2355Z_a.json", Place("111122223333", "CloudTrail", "us-east-1")),
        ("111122223333_CloudTrail_us-east-1.json", Place("111122223333", "CloudTrail", "us-east-1")),
        ("111122223333_CloudTrail.json", Place()),
    ],
)
def test_a_key_that_says_less_is_understood_as_far_as_it_goes(key: str, place: Place) -> None:
    assert parse_key(key) == place


def test_a_copy_with_an_odd_name_still_gives_its_time() -> None:
    place = parse_key("811596193553_CloudTrail_us-east-1-20200930T2300.json")
    assert (place.account, place.region) == ("811596193553", "us-east-1")
    assert place.delivered_at == datetime(2020, 9, 30, 23, 0, tzinfo=UTC)


def test_the_time_of_a_digest_is_the_last_in_its_name() -> None:
    name = "111122223333_CloudTrail-Digest_eu-west-1_trail-19990101T0000_us-east-1_20210729T235500Z.json.gz"
    place = parse_key(name)
    assert (place.kind, place.region, place.first_day) == ("CloudTrail-Digest", "eu-west-1", DAY)


def test_folders_win_over_the_name_of_the_file() -> None:
    place = parse_key(f"AWSLogs/444455556666/CloudTrail/eu-west-1/2022/01/02/{NAME}")
    assert (place.account, place.region, place.first_day) == ("444455556666", "eu-west-1", date(2022, 1, 2))


def test_the_day_in_a_name_narrows_the_month_of_its_folder() -> None:
    assert parse_key(f"us-east-1/2021/07/{NAME}").last_day == DAY


segments = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=12)
organisations = st.from_regex(r"o-[a-z0-9]{10,32}", fullmatch=True)
accounts = st.from_regex(r"[0-9]{12}", fullmatch=True)
moments = st.datetimes(datetime(2013, 11, 1), datetime(2035, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(second=0, microsecond=0)
)


@given(st.lists(segments, max_size=6), st.lists(organisations, max_size=1), accounts, st.sampled_from(REGIONS), moments)
def test_a_generated_key_gives_back_its_parts_at_any_depth(
    prefix: list[str], organisation: list[str], account: str, region: str, moment: datetime
) -> None:
    name = f"{account}_CloudTrail_{region}_{moment:%Y%m%dT%H%MZ}_abcdefghijklmnop.json.gz"
    layout = [account, "CloudTrail", region, f"{moment:%Y/%m/%d}", name]
    key = "/".join([*prefix, "AWSLogs", *organisation, *layout])
    assert parse_key(key) == Place(account, "CloudTrail", region, moment.date(), moment.date(), moment)


words = st.sampled_from(
    ["AWSLogs", "o-abcd123456", "111122223333", "444455556666", "CloudTrail", "CloudTrail-Digest", "Config", "2021",
     "2022", "07", "08", "29", "us-east-1", "eu-west-1", "x", "CloudTrail-logs", NAME]
)  # fmt: skip
scopes = st.builds(
    Scope,
    accounts=st.frozensets(st.sampled_from(["111122223333", "444455556666"]), max_size=1),
    regions=st.frozensets(st.sampled_from(["us-east-1", "eu-west-1"]), max_size=1),
    since=st.none() | st.datetimes(datetime(2021, 1, 1), datetime(2021, 8, 15), timezones=st.just(UTC)),  # noqa: DTZ001
    until=st.none() | st.datetimes(datetime(2021, 8, 16), datetime(2022, 8, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)


@given(st.lists(words, min_size=1, max_size=9), scopes)
def test_pruning_never_drops_a_folder_that_holds_an_admitted_key(path: list[str], scope: Scope) -> None:
    if exclusion(scope, "/".join(path)) is None:
        for depth in range(1, len(path)):
            assert folder_exclusion(scope, "/".join(path[:depth]) + "/") is None


@given(accounts, st.sampled_from(REGIONS), moments, scopes)
def test_a_key_that_says_everything_is_excluded_exactly_when_out_of_scope(
    account: str, region: str, moment: datetime, scope: Scope
) -> None:
    inside = (
        (not scope.accounts or account in scope.accounts)
        and (not scope.regions or region in scope.regions)
        and (scope.since is None or moment.date() >= scope.since.date())
        and (scope.until is None or moment.date() <= scope.until.date() + timedelta(days=1))
    )
    name = f"{account}_CloudTrail_{region}_{moment:%Y%m%dT%H%MZ}_a.json.gz"
    for key in (f"AWSLogs/{account}/CloudTrail/{region}/{moment:%Y/%m/%d}/{name}", name):
        assert (exclusion(scope, key) is None) == inside


def test_what_a_key_does_not_say_never_excludes_it() -> None:
    now = datetime(2021, 7, 29, tzinfo=UTC)
    scope = Scope(frozenset({"111122223333"}), frozenset({"us-east-1"}), since=now, until=now)
    for key in ("export.json", "us-west-2/export.json", "AWSLogs/o-abcd/x.json", "2020/01/01/export.json"):
        assert exclusion(scope, key) is None


def reason(scope: Scope, key: str) -> str | None:
    excluded = exclusion(scope, key)
    return None if excluded is None else excluded.reason


def test_an_exclusion_names_what_was_not_asked_for() -> None:
    key = f"AWSLogs/{FOLDERS}/{NAME}"
    late, early = datetime(2021, 8, 1, tzinfo=UTC), datetime(2021, 7, 20, tzinfo=UTC)
    assert reason(Scope(accounts=frozenset({"444455556666"})), key) == "account 111122223333 is not asked for"
    assert reason(Scope(regions=frozenset({"eu-west-1"})), key) == "region us-east-1 is not asked for"
    assert reason(Scope(since=late), key) == "delivered before 2021-08-01"
    assert reason(Scope(until=early), key) == "delivered after 2021-07-21"


@given(st.dates(date(2013, 1, 1), date(2035, 1, 1)), st.dates(date(2013, 1, 1), date(2035, 1, 1)))
def test_the_text_before_a_day_divides_the_keys_at_that_day(first: date, day: date) -> None:
    region = "p/AWSLogs/111122223333/CloudTrail/us-east-1/"
    key = f"{region}{day:%Y/%m/%d}/{NAME}"
    for folder in (region, f"{region}{day:%Y/}", f"{region}{day:%Y/%m/}"):
        assert (key > before_day(folder, first)) == (day >= first)


def test_the_layout_goes_on_below_a_region_and_not_above_it() -> None:
    assert in_layout("AWSLogs/111122223333/CloudTrail/us-east-1/")
    assert in_layout("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2021/")
    assert not in_layout("AWSLogs/111122223333/CloudTrail/")
    assert not in_layout("us-east-1/2021/")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("AWSLogs/111122223333/CloudTrail/", "folder marker"),
        ("x/README", "not a log file by its name"),
        ("x/readme.md", ".md file"),
        ("x/Photo.PNG", ".png file"),
        ("x/table.csv.gz", ".csv.gz file"),
        ("x/table.parquet", ".parquet file"),
        ("AWSLogs/111122223333/ELBAccessLogTestFile", "test file of Elastic Load Balancing"),
        ("x/.DS_Store", "hidden file"),
        (f"CloudTrail-Digest/us-east-1/2021/07/29/{NAME}", "CloudTrail-Digest: a digest for log file validation"),
        ("111122223333_CloudTrail-Insight_us-east-1_20210729T2355Z_a.json.gz", "CloudTrail-Insight: Insights events"),
        (f"AWSLogs/111122223333/CloudTrail-NetworkActivity/us-east-1/{NAME}",
         "CloudTrail-NetworkActivity: network activity events"),
        (f"AWSLogs/111122223333/CloudTrail-Aggregated/us-east-1/{NAME}", "CloudTrail-Aggregated: aggregated events"),
        (f"111122223333/CloudTrail-Novelty/us-east-1/{NAME}", "CloudTrail-Novelty: not a log of API calls"),
        ("AWSLogs/111122223333/Config/ConfigWritabilityCheckFile", "Config: logs of another service"),
        ("AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/x.gz", "vpcflowlogs: logs of another service"),
    ],
)  # fmt: skip
def test_a_name_that_is_no_log_file_says_why(key: str, reason: str) -> None:
    assert skip_reason(key) == reason


@pytest.mark.parametrize(
    "name",
    ["a.json", "a.JSON", "a.json.gz", "a.gz", "a.jsonl", "a.jsonl.gz", "a.ndjson", "a.log", "a.log.gz", "a",
     "a.txt", "a.txt.gz", "a.bak", "a.json.1", "a.zip", "a.tar.gz",
     "CloudTrail-logs/2021/a.json"],
)  # fmt: skip
def test_a_name_that_may_be_a_log_file_is_kept(name: str) -> None:
    assert skip_reason(f"x/{name}") is None


def test_only_a_folder_below_an_account_belongs_to_another_service() -> None:
    assert (
        other_service("AWSLogs/111122223333/elasticloadbalancing/") == "elasticloadbalancing: logs of another service"
    )
    assert other_service("AWSLogs/111122223333/CloudTrail-Digest/") is None
    assert other_service("exports/elasticloadbalancing/") is None
    assert parse_folder("AWSLogs/111122223333/") == Place("111122223333")
