from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detector.errors import RuleQueryError, UsageError
from detector.records.log_file import decode_log_file
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.rules.evidence import Copy, evidence_of
from detector.rules.examples import merge_patch
from detector.rules.finding import Finding
from detector.rules.query_errors import TooManyFindings
from detector.rules.rule import Rule, parse_rule, shipped_rules_directory
from detector.severity import Severity

QUERIES = shipped_rules_directory()
LOGIN = json.loads((QUERIES / "root_console_login_without_mfa.examples.json").read_text())["records"]["login"]
KEY = LOGIN["eventID"]
NO_MFA = parse_rule(QUERIES / "root_console_login_without_mfa.sql")

METADATA = """\
-- /// rule
-- title = "T"
-- severity = "high"
-- confidence = "low"
-- attack = []
-- description = "D"
-- response = "R"
-- false_positives = []
-- references = []
-- ///
"""
ROW = "'1' AS account_id, TIMESTAMP '2026-03-01 09:00:00' AS event_time, ['e'] AS event_ids, 's' AS summary"

WriteRule = Callable[..., Rule]


@pytest.fixture
def rule(tmp_path: Path) -> WriteRule:
    def write(sql: str, name: str = "a_rule") -> Rule:
        path = tmp_path / f"{name}.sql"
        path.write_text(f"{METADATA}{sql}\n", encoding="utf-8")
        return parse_rule(path)

    return write


def to_table(*patches: dict[str, Any], log_file: str = "s3://trail/a.json.gz") -> pa.Table:
    records = [merge_patch(LOGIN, patch) for patch in patches]
    return decode_log_file(json.dumps({"Records": records}).encode(), log_file).table


def a_call(time: str, caller: str) -> dict[str, Any]:
    key = str(uuid5(NAMESPACE_URL, time))
    return {"eventTime": time, "eventID": key, "userIdentity": {"arn": f"arn:aws:iam::111122223333:user/{caller}"}}


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(TableEvents(to_table({})), threads=1) as opened:
        yield opened


class ParquetEvents:
    """A lake of one Parquet file in a directory."""

    integrity = None

    def __init__(self, directory: Path, table: pa.Table) -> None:
        self.directory: Path | None = directory
        self.elsewhere = None
        self.most_candidates = None
        self._part = directory / "part.parquet"
        pq.write_table(table, self._part)

    def attach(self, connection: duckdb.DuckDBPyConnection, *_others: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"CREATE VIEW parts AS FROM read_parquet('{self._part}')")
        connection.execute(
            "CREATE TABLE duplicates AS SELECT eventKey, recipientAccountId, logFile, logFileIndex,"
            " logFile AS shownLogFile, logFileIndex AS shownLogFileIndex FROM parts LIMIT 0"
        )


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Engine]:
    (tmp_path / "lake").mkdir()
    with Engine(ParquetEvents(tmp_path / "lake", to_table({})), threads=1) as opened:
        yield opened


# Findings


def test_a_finding_is_a_row_of_the_result(engine: Engine, rule: WriteRule) -> None:
    one = rule(f"SELECT {ROW}, 'x' AS colour, NULL AS nothing")
    assert engine.run(one) == [
        Finding(
            rule=one,
            account_id="1",
            event_time=datetime(2026, 3, 1, 9, tzinfo=UTC),
            event_ids=("e",),
            summary="s",
            severity=Severity.HIGH,
            dedup_key=None,
            last_event_time=datetime(2026, 3, 1, 9, tzinfo=UTC),
            event_count=1,
            context={"colour": "x", "nothing": None},
        )
    ]


def test_optional_columns_override(engine: Engine, rule: WriteRule) -> None:
    [finding] = engine.run(
        rule(
            """
            SELECT NULL AS account_id, TIMESTAMPTZ '2026-03-01 09:00:00.25+02' AS event_time,
            ['b', 'a', 'b'] AS event_ids, 's' AS summary,
            'low' AS severity, 'k' AS dedup_key, TIMESTAMP '2026-03-02 00:00:00' AS last_event_time,
            sum(7) AS event_count
            """
        )
    )
    assert finding.account_id is None
    assert finding.event_time == datetime(2026, 3, 1, 7, 0, 0, 250_000, tzinfo=UTC)
    assert finding.event_time.tzinfo is UTC
    assert finding.event_ids == ("a", "b")
    assert (finding.severity, finding.dedup_key, finding.event_count) == (Severity.LOW, "k", 7)
    assert finding.last_event_time == datetime(2026, 3, 2, tzinfo=UTC)
    assert finding.context == {}


def test_null_in_an_optional_column_means_the_default(engine: Engine, rule: WriteRule) -> None:
    [finding] = engine.run(
        rule(f"SELECT {ROW}, NULL AS severity, NULL AS dedup_key, NULL AS last_event_time, NULL AS event_count")
    )
    assert (finding.severity, finding.dedup_key, finding.event_count) == (Severity.HIGH, None, 1)
    assert finding.last_event_time == finding.event_time


def test_context_values_have_a_json_form(engine: Engine, rule: WriteRule) -> None:
    [finding] = engine.run(
        rule(
            f"""
            SELECT {ROW}, TIMESTAMP '2026-03-01 09:00:00.5' AS a, TIMESTAMPTZ '2026-03-01 09:00:00+01' AS b,
            DATE '2026-03-01' AS c, TIME '09:00:00' AS d, 1.5::DECIMAL(4, 2) AS e, 12::HUGEINT AS f,
            {{'t': TIMESTAMP '2026-03-01 09:00:00', 'l': [1, NULL]}} AS g, MAP {{'k': 1}} AS h, 'nan'::DOUBLE AS i,
            2.5::DOUBLE AS j, true AS k
            """
        )
    )
    assert finding.context == {
        "a": "2026-03-01T09:00:00.500000Z",
        "b": "2026-03-01T08:00:00Z",
        "c": "2026-03-01",
        "d": "09:00:00",
        "e": 1.5,
        "f": 12,
        "g": {"t": "2026-03-01T09:00:00Z", "l": [1, None]},
        "h": [["k", 1]],
        "i": None,
        "j": 2.5,
        "k": True,
    }
    assert isinstance(finding.context["f"], int)
    json.dumps(finding.context, allow_nan=False)


def test_findings_come_oldest_first(engine: Engine, rule: WriteRule) -> None:
    found = engine.run(
        rule(
            """
            SELECT '1' AS account_id, TIMESTAMP '2026-03-01 09:00:00' + to_hours(h) AS event_time, ids AS event_ids,
            s AS summary
            FROM (VALUES (2, 'a', ['x']), (1, 'b', ['x']), (1, 'a', ['y', 'b']), (1, 'a', ['z', 'a'])) t(h, s, ids)
            """
        )
    )
    assert [(f.event_time.hour, f.summary, f.event_ids) for f in found] == [
        (10, "a", ("a", "z")),
        (10, "a", ("b", "y")),
        (10, "b", ("x",)),
        (11, "a", ("x",)),
    ]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1 AS account_id", "result lacks event_time, event_ids, summary"),
        (f"SELECT {ROW}, 1 AS x, 2 AS x", "two columns named x"),
        (f"SELECT {ROW.replace(chr(39) + '1' + chr(39), '1')}", "account_id is INTEGER, not VARCHAR"),
        (f"SELECT {ROW.replace('TIMESTAMP', 'DATE')}", "event_time is DATE"),
        (f"SELECT {ROW.replace('TIMESTAMP', 'TIMESTAMP_NS')}", "event_time is TIMESTAMP_NS"),
        (f"SELECT {ROW.replace('[', '').replace(']', '')}", "event_ids is VARCHAR, not"),
        (f"SELECT {ROW}, 1 AS severity", "severity is INTEGER"),
        (f"SELECT {ROW}, 1.5 AS event_count", r"event_count is DECIMAL"),
        (f"SELECT {ROW}, 'urgent' AS severity", "result has the severity 'urgent'"),
        (f"SELECT * REPLACE (NULL::VARCHAR AS summary) FROM (SELECT {ROW})", "summary is NULL; coalesce"),
        (f"SELECT * REPLACE (NULL::TIMESTAMP AS event_time) FROM (SELECT {ROW})", "event_time is NULL"),
        (f"SELECT * REPLACE (NULL::VARCHAR[] AS event_ids) FROM (SELECT {ROW})", "event_ids is NULL"),
        (f"SELECT * REPLACE ([]::VARCHAR[] AS event_ids) FROM (SELECT {ROW})", "event_ids are empty or hold NULL"),
        (f"SELECT * REPLACE (['a', NULL] AS event_ids) FROM (SELECT {ROW})", "event_ids are empty or hold NULL"),
        (f"SELECT {ROW}, 'x'::BLOB AS raw", "column raw has no JSON form"),
        (f"SELECT {ROW}, INTERVAL 1 DAY AS gap", "column gap has no JSON form"),
        (f"SELECT {ROW}, TIMESTAMP_NS '2026-03-01 09:00:00.000000001' AS t", "t is TIMESTAMP_NS, which"),
        (f"SELECT * REPLACE ('infinity'::TIMESTAMP AS event_time) FROM (SELECT {ROW})", "."),
        ("SELECT nope FROM candidates", "Binder Error"),
        (f"SELECT {ROW}, 1 // 0 AS x", "Division by zero"),
        (f"SELECT {ROW} FROM nowhere", "nowhere does not exist"),
    ],
    ids=lambda text: text[-40:],
)
def test_a_result_that_breaks_the_contract_names_the_rule(
    engine: Engine, rule: WriteRule, sql: str, message: str
) -> None:
    broken = rule(sql, "broken")
    with pytest.raises(RuleQueryError, match=message) as caught:
        engine.run(broken)
    assert str(caught.value).startswith(f"{broken.path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_the_other_rules_run_after_a_broken_one(engine: Engine, rule: WriteRule) -> None:
    with pytest.raises(RuleQueryError):
        engine.run(rule("SELECT nope"))
    assert len(engine.run(NO_MFA)) == 1


def test_more_findings_than_the_cap_are_an_error_that_names_the_rule(rule: WriteRule) -> None:
    many = rule(f"SELECT {ROW} FROM range(1000000)")
    with (
        Engine(TableEvents(to_table({})), row_cap=2) as engine,
        pytest.raises(TooManyFindings, match=r"a_rule\.sql: more than 2 findings"),
    ):
        engine.run(many)


def test_the_newest_findings_come_first_and_callers_take_turns(rule: WriteRule) -> None:
    calls = rule(
        """
        SELECT account_id, event_time, [event_id] AS event_ids, actor_key AS summary FROM candidates
        """
    )
    flood = [a_call(f"2026-03-01T09:{minute:02}:00Z", "mallory") for minute in range(10, 60)]
    quiet = [a_call("2026-03-01T09:00:00Z", "alice"), a_call("2026-03-01T08:00:00Z", "bob")]
    with Engine(TableEvents(to_table(*quiet, *flood)), row_cap=4) as engine:
        newest = [(finding.event_time.hour, finding.event_time.minute) for finding in engine.newest(calls)]
    assert newest[:5] == [(9, 59), (9, 0), (8, 0), (9, 58), (9, 57)]
    assert len(newest) == 52


@pytest.mark.parametrize("end", [";", ";\n-- the end", "\n-- a comment"])
def test_a_rule_may_end_as_any_statement_does(rule: WriteRule, end: str) -> None:
    with Engine(TableEvents(to_table({})), row_cap=2) as engine:
        assert len(engine.run(rule(f"SELECT {ROW} FROM range(2){end}"))) == 2
        with pytest.raises(TooManyFindings):
            engine.run(rule(f"SELECT {ROW} FROM range(3){end}"))


def test_findings_up_to_the_cap_are_no_error(rule: WriteRule) -> None:
    with Engine(TableEvents(to_table({})), row_cap=2) as engine:
        assert len(engine.run(rule(f"SELECT {ROW} FROM range(2)"))) == 2


@pytest.mark.parametrize(
    "sql",
    [
        f"WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT {ROW} FROM r WHERE i < 0",
        f"SELECT {ROW} FROM range(1000000000000) a(i), range(1000000000000) b(j) WHERE (i * j) % 7 = 8",
    ],
    ids=["recursive", "cross join"],
)
def test_a_rule_that_runs_for_ever_is_stopped_and_the_next_one_runs(rule: WriteRule, sql: str) -> None:
    endless = rule(sql, "endless")
    with Engine(TableEvents(to_table({})), time_limit_seconds=0.05) as engine:
        with pytest.raises(RuleQueryError, match=r"endless\.sql: stopped after 0\.05 seconds") as caught:
            engine.run(endless)
        assert caught.value.hint
    with Engine(TableEvents(to_table({}))) as engine:
        assert len(engine.run(NO_MFA)) == 1
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_a_rule_that_wants_too_much_memory_is_an_error(rule: WriteRule, monkeypatch: pytest.MonkeyPatch) -> None:
    hungry = rule(f"SELECT {ROW}, max(x) AS x FROM (SELECT list(i) AS x FROM range(100000000) t(i))", "hungry")
    monkeypatch.setattr("detector.rules.memory._ALL", "SET memory_limit = '50MB'")
    with (
        Engine(TableEvents(to_table({})), memory_limit="50MB", threads=1) as engine,
        pytest.raises(RuleQueryError, match=r"hungry\.sql: Out of Memory"),
    ):
        engine.run(hungry)


def test_what_finds_too_little_memory_gets_more(rule: WriteRule) -> None:
    rows = "SELECT list(i) AS x FROM range(3000000) t(i)"
    hungry = rule(f"SELECT {ROW} FROM ({rows}) WHERE len(x) > 0", "hungry")
    acts: list[Callable[[Engine], object]] = [
        lambda engine: engine.run(hungry),
        lambda engine: engine.select(f"SELECT len(x) FROM ({rows})"),
        lambda engine: engine.keep("kept", rows),
    ]
    for act in acts:
        with Engine(TableEvents(to_table({})), memory_limit="20MB", threads=1) as engine:
            act(engine)


def test_memory_is_given_while_findings_are_gone_through(rule: WriteRule) -> None:
    many = rule(f"SELECT {ROW} FROM range(30000)", "many")
    hungry = rule(f"SELECT {ROW} FROM (SELECT list(i) AS x FROM range(3000000) t(i)) WHERE len(x) > 0", "hungry")
    with Engine(TableEvents(to_table({})), memory_limit="50MB", threads=1) as engine:
        findings = engine.newest(many)
        next(findings)
        with ThreadPoolExecutor(1) as pool:
            assert len(pool.submit(engine.run, hungry).result()) == 1
        assert sum(1 for _ in findings) == 29_999


def test_a_query_does_not_get_more_memory_than_it_may_take() -> None:
    with (
        Engine(TableEvents(to_table({})), memory_limit="20MB", threads=1) as engine,
        pytest.raises(UsageError, match="Out of Memory"),
    ):
        engine.query("SELECT list(i) AS x FROM range(3000000) t(i)").read_all()


# Sandbox


OUTSIDE = [
    "FROM read_text('/etc/passwd')",
    "FROM read_csv('/etc/passwd')",
    "FROM read_blob('/proc/self/environ')",
    "FROM read_json('/etc/passwd')",
    "FROM read_parquet('/etc/passwd')",
    "FROM '/etc/passwd.csv'",
    "FROM glob('/etc/*')",
    "FROM read_csv('https://example.com/x.csv')",
    "FROM read_text('{lake}/../secret.txt')",
    "FROM read_text('{lake}/link')",
]


@pytest.mark.parametrize("sql", OUTSIDE)
def test_no_file_outside_the_lake_can_be_read(lake: Engine, rule: WriteRule, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "lake" / "link").symlink_to(tmp_path / "secret.txt")
    text = sql.format(lake=tmp_path / "lake")
    with pytest.raises(RuleQueryError, match=r"Permission Error|does not exist"):
        lake.run(rule(f"SELECT {ROW} {text}"))
    with pytest.raises(UsageError, match=r"Permission Error|does not exist") as caught:
        lake.query(f"SELECT * {text}").read_all()
    assert caught.value.hint


def test_a_file_of_the_lake_can_be_read(lake: Engine, tmp_path: Path) -> None:
    (tmp_path / "lake" / "note.txt").write_text("kept")
    rows = lake.query(f"SELECT content FROM read_text('{tmp_path}/lake/*.txt')").read_all()
    assert rows.to_pylist() == [{"content": "kept"}]


def test_without_a_lake_no_file_can_be_read(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("secret")
    with pytest.raises(UsageError, match="Permission Error"):
        engine.query(f"FROM read_text('{tmp_path}/note.txt')").read_all()


def test_nothing_can_be_written_not_even_in_the_lake(lake: Engine, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for sql in ("COPY events TO '{0}/x.csv'", "WITH a AS (COPY events TO '{0}/x.csv') SELECT 1"):
        with pytest.raises(UsageError, match=r"exactly one SELECT|may only read"):
            lake.query(sql.format(tmp_path / "lake"))
    assert sorted(tmp_path.rglob("*")) == before


def test_settings_are_locked_and_python_variables_are_no_tables(engine: Engine) -> None:
    here = to_table({})
    assert here.num_rows == 1
    with pytest.raises(UsageError, match="here does not exist"):
        engine.query("FROM here")
    settings = engine.query(
        "SELECT current_setting('lock_configuration') AS lock, current_setting('TimeZone') AS zone, "
        "current_setting('enable_external_access') AS access"
    ).read_all()
    assert settings.to_pylist() == [{"lock": True, "zone": "UTC", "access": False}]


def test_a_broken_source_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(TableEvents):
        def attach(self, connection: duckdb.DuckDBPyConnection, *_others: duckdb.DuckDBPyConnection) -> None:  # noqa: ARG002
            raise RuntimeError("no lake")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(RuntimeError, match="no lake"):
        Engine(Broken(to_table({})))
    assert list(tmp_path.iterdir()) == []


# Queries of people


def test_names_of_the_documented_athena_table_bind(engine: Engine) -> None:
    sql = "SELECT useridentity.arn, count(*) AS n FROM events WHERE useridentity.type='Root' GROUP BY 1"
    assert engine.query(sql).read_all().to_pylist() == [{"arn": "arn:aws:iam::111122223333:root", "n": 1}]


def test_a_query_over_raw_relations_does_not_make_the_views(tmp_path: Path) -> None:
    names = shipped_rules_directory() / "_views" / "candidate_events.toml"
    (tmp_path / "_views").mkdir()
    (tmp_path / "_views" / names.name).write_text(names.read_text())
    (tmp_path / "_views" / "00_macros.sql").write_text("CREATE MACRO word() AS 'there';")
    (tmp_path / "_views" / "10_candidates.sql").write_text("CREATE VIEW candidates AS SELECT 42 AS answer")
    with Engine(TableEvents(to_table({})), definitions=tmp_path) as engine:
        assert engine.query("SELECT word() AS word FROM events").read_all().to_pylist() == [{"word": "there"}]
        engine.query("SELECT 1 FROM events, parts, duplicates")
        with pytest.raises(UsageError):
            engine.query("WITH candidates AS (SELECT 1) FROM candidates, candidates2")
        assert engine.query("FROM candidates").read_all().to_pylist() == [{"answer": 42}]


def test_describe_shows_the_views(engine: Engine) -> None:
    names = engine.query("SELECT column_name FROM (DESCRIBE candidates)").read_all()["column_name"].to_pylist()
    assert {"eventTime", "event_time", "mfa"} <= set(names)


def test_a_long_result_is_streamed(engine: Engine) -> None:
    reader = engine.query("SELECT i FROM range(1000000) t(i)")
    assert reader.read_next_batch().num_rows < 1_000_000


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC", "the query does not parse: Parser Error"),
        ("SELECT 1; SELECT 2", "the query must be exactly one SELECT"),
        ("SELECT nope FROM events", 'the query failed: Binder Error: .*"nope"'),
    ],
)
def test_a_refused_query_has_a_hint(engine: Engine, sql: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        engine.query(sql)
    assert caught.value.hint


def test_an_error_while_reading_a_result_is_translated(engine: Engine) -> None:
    sql = "SELECT CASE WHEN i = 900000 THEN CAST('x' || i AS INTEGER) END AS x FROM range(1000000) t(i)"
    with pytest.raises(UsageError, match=r"the query failed: .*Could not convert string 'x900000'"):
        engine.query(sql).read_all()


# Duplicates and evidence


def test_copies_are_one_event_also_where_the_account_is_missing() -> None:
    table = pa.concat_tables(
        [
            to_table({"recipientAccountId": None}, log_file="s3://trail/b.json.gz"),
            to_table({"recipientAccountId": None}, {"recipientAccountId": None}, log_file="s3://trail/a.json.gz"),
            to_table({"recipientAccountId": "444455556666"}, log_file="s3://trail/c.json.gz"),
        ]
    )
    with Engine(TableEvents(table)) as engine:
        shown = engine.query("SELECT logFile, logFileIndex FROM events ORDER BY ALL").read_all().to_pylist()
        assert shown == [
            {"logFile": "s3://trail/a.json.gz", "logFileIndex": 0},
            {"logFile": "s3://trail/c.json.gz", "logFileIndex": 0},
        ]
        findings = engine.run(NO_MFA)
        found = engine.evidence([KEY])
    assert [finding.event_ids for finding in findings] == [(KEY,), (KEY,)]
    assert [event.copies for event in found[KEY]] == [
        (
            Copy("s3://trail/a.json.gz", 0),
            Copy("s3://trail/a.json.gz", 1),
            Copy("s3://trail/b.json.gz", 0),
        ),
        (Copy("s3://trail/c.json.gz", 0),),
    ]


def test_evidence_gives_back_the_record_and_what_an_alert_needs() -> None:
    other = "11111111-0000-4000-8000-000000000000"
    role = {
        "type": "AssumedRole",
        "arn": "arn:aws:sts::111122223333:assumed-role/A/b",
        "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/A"}},
    }
    no_candidate = {
        "eventID": other,
        "eventSource": "ec2.amazonaws.com",
        "userIdentity": role,
        "eventType": "AwsApiCall",
    }
    with Engine(TableEvents(to_table({}, no_candidate))) as engine:
        found = engine.evidence([KEY, other, KEY, "no such event"])
        assert engine.evidence([]) == {}
    assert set(found) == {KEY, other}
    [event] = found[KEY]
    assert json.loads(event.record) == LOGIN
    assert event.event_time == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (event.account_id, event.recipient_account_id, event.region) == ("111122223333", "111122223333", "us-east-1")
    assert (event.actor_type, event.actor_arn) == ("Root", "arn:aws:iam::111122223333:root")
    assert (event.access_key_id, event.session_issuer, event.mfa) == (None, None, "no")
    assert (event.source_ip, event.user_agent) == (LOGIN["sourceIPAddress"], LOGIN["userAgent"])
    assert event.copies == (Copy("s3://trail/a.json.gz", 0),)
    [event] = found[other]
    assert (event.access_key_id, event.session_issuer, event.mfa) == (
        "ASIAEXAMPLE",
        "arn:aws:iam::111122223333:role/A",
        None,
    )


def test_of_events_that_share_a_key_those_of_the_finding_s_account_count() -> None:
    elsewhere = {
        "recipientAccountId": "444455556666",
        "eventTime": "2026-02-01T09:00:00Z",
        "userIdentity": {"accountId": "444455556666", "arn": "arn:aws:iam::444455556666:root"},
    }
    with Engine(TableEvents(to_table({}, elsewhere))) as engine:
        findings = engine.run(NO_MFA)
        found = engine.evidence([KEY])
    assert [finding.account_id for finding in findings] == ["444455556666", "111122223333"]
    for finding in findings:
        assert [event.account_id for event in evidence_of(finding, found)] == [finding.account_id]
    [unknown, _] = evidence_of(_of_account(findings[0], None), found)
    assert unknown.account_id == "444455556666"


def _of_account(finding: Finding, account_id: str | None) -> Finding:
    values = {name: getattr(finding, name) for name in Finding.__slots__}
    return Finding(**{**values, "account_id": account_id})


def test_accounts_whose_sign_in_region_is_not_in_the_data_are_named() -> None:
    elsewhere = {"awsRegion": "eu-central-1", "recipientAccountId": "444455556666", "eventTime": "2026-03-01T10:00:00Z"}
    nobodys = {"awsRegion": "eu-central-1", "recipientAccountId": None, "userIdentity": None,
               "eventTime": "2026-03-01T10:00:00Z"}  # fmt: skip
    table = to_table({}, {"awsRegion": "eu-central-1", "eventTime": "2026-03-02T09:00:00Z"}, elsewhere, nobodys)
    with Engine(TableEvents(table)) as engine:
        assert engine.accounts_without_sign_in_region() == ["444455556666"]
        watermarks = engine.query("FROM account_watermarks").read_all().to_pylist()
        history = engine.query("FROM account_history ORDER BY account_id NULLS LAST").read_all().to_pylist()
    assert watermarks == [{"account_id": "111122223333", "watermark": datetime(2026, 3, 1, 9)}]  # noqa: DTZ001
    assert [row["account_id"] for row in history] == ["111122223333", "444455556666", None]
    assert [row["last_event_time"].day for row in history] == [2, 1, 1]
