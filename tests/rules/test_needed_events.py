"""A rule that is left out for want of its events would have found nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detect import detect as detection
from detector.records.log_file import decode_log_file
from detector.records.schema import EVENTS
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.rules.examples import load_examples
from detector.rules.needed_events import FILE, INTEGRITY, digest_of_views, may_find, needed_by
from detector.rules.rule import Rule, load_rules, parse_rule, shipped_rules_directory
from fixtures.needed_events import as_json, needs_of, relations_of
from tests.long import many

DIRECTORY = shipped_rules_directory()
RULES = load_rules(DIRECTORY).rules
NEEDED = {rule.id: needed for rule, needed in needed_by(DIRECTORY, RULES)}
OF_EVENTS: dict[str, frozenset[str]] = {
    rule: needed for rule, needed in NEEDED.items() if needed and INTEGRITY not in needed
}
NEEDS: list[tuple[str, ...]] = sorted({tuple(sorted(names)) for names in OF_EVENTS.values()})
NOW = datetime(2026, 3, 1, tzinfo=UTC)
# As views are made of: what is asked of each row, and by which ways rows come from elsewhere.
VIEWS = relations_of([])


@cache
def records() -> tuple[dict[str, Any], ...]:
    """Return the records of all examples of all rules."""
    return tuple(record for rule in RULES for example in load_examples(rule) for record in example.records)


def table_of(some: Sequence[dict[str, Any]]) -> Any:  # noqa: ANN401 - pa.Table
    content = json.dumps({"Records": some}).encode()
    return decode_log_file(content, "s3://trail/AWSLogs/111122223333/CloudTrail/a.json.gz").table


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(TableEvents(EVENTS.empty_table()), few_rows=True) as opened:
        yield opened


def test_the_file_says_what_the_sql_says() -> None:
    assert (DIRECTORY / FILE).read_text(encoding="utf-8") == as_json(DIRECTORY), (
        "run `python -m fixtures.needed_events`"
    )


def test_most_rules_need_some_event() -> None:
    assert len(OF_EVENTS) > len(RULES) / 2


@pytest.mark.slow
@pytest.mark.parametrize("needed", NEEDS, ids=min)
def test_a_rule_finds_nothing_in_all_that_others_find_when_its_events_are_missing(
    engine: Engine, needed: tuple[str, ...]
) -> None:
    others = [record for record in records() if record.get("eventName") not in needed]
    engine.replace_events(TableEvents(table_of(others)))
    assert len(engine.occurring()) > 10
    for rule in RULES:
        if NEEDED[rule.id] == frozenset(needed):
            assert engine.run(rule) == []


@pytest.mark.long
@pytest.mark.slow
@settings(max_examples=many(8, 15), deadline=None)
@given(st.data())
def test_alerts_are_the_same_when_every_rule_is_run(data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(records()), min_size=1, max_size=12))
    events = TableEvents(table_of(some))
    with Engine(events, few_rows=True) as engine:
        found = detection.detect_through(engine, [], NOW)
        left_out = [rule for rule in RULES if not may_find(NEEDED[rule.id], engine.occurring())]
        assert found.complete == {rule.id for rule in RULES}
        assert [finding for rule in left_out for finding in engine.run(rule)] == []


def a_rule(folder: Path, sql: str) -> Rule:
    metadata = RULES[0].path.read_text(encoding="utf-8").partition("-- ///\n")[0]
    path = folder / "a_rule.sql"
    path.write_text(f"{metadata}-- ///\n\n{sql}\n", encoding="utf-8")
    return parse_rule(path)


def test_other_peoples_rules_always_run(tmp_path: Path) -> None:
    own = replace(a_rule(tmp_path, "SELECT 1"), id="root_email_changed")
    assert NEEDED["root_email_changed"] is not None
    assert list(needed_by(DIRECTORY, [own])) == [(own, None)]


def test_a_rule_that_was_edited_always_runs() -> None:
    rule = next(rule for rule in RULES if rule.id == "root_email_changed")
    edited = replace(rule, sql=rule.sql.replace("root_email_changes", "candidates"))
    assert [needed for _, needed in needed_by(DIRECTORY, [edited])] == [None]


@pytest.mark.parametrize("file", ["52_recovery.sql", "candidate_events.toml"])
def test_every_rule_runs_when_a_view_was_edited(tmp_path: Path, file: str) -> None:
    shutil.copytree(DIRECTORY, tmp_path / "queries")
    assert digest_of_views(tmp_path / "queries") == digest_of_views(DIRECTORY)
    with (tmp_path / "queries/_views" / file).open("a") as view:
        view.write("\n")
    assert {needed for _, needed in needed_by(tmp_path / "queries", RULES)} == {None}


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("FROM candidates", None),
        ("FROM candidates WHERE event_name = 'A'", {"A"}),
        ("FROM candidates WHERE 'x' = service AND event_name IN ('A', 'B')", {"A", "B"}),
        ("FROM candidates WHERE event_name = 'A' OR (event_name = 'B' AND is_root)", {"A", "B"}),
        ("FROM candidates WHERE event_name = 'A' OR is_root", None),
        ("FROM candidates WHERE NOT event_name = 'A'", None),
        ("FROM candidates WHERE event_name NOT IN ('A')", None),
        ("FROM candidates WHERE event_name IN ('A', service)", None),
        ("FROM candidates WHERE coalesce(event_name = 'A', true)", None),
        ("FROM all_events WHERE event_name = 'A'", None),
        ("FROM other WHERE event_name = 'A'", None),
        ("FROM (FROM candidates WHERE event_name = 'A') WHERE event_name IN ('A', 'B')", {"A"}),
        ("WITH a AS (FROM candidates WHERE event_name = 'A') SELECT 1 FROM a", {"A"}),
        ("WITH a AS (SELECT service AS event_name FROM candidates) FROM a WHERE event_name = 'A'", None),
        ("WITH a AS (SELECT * REPLACE ('A' AS event_name) FROM candidates) FROM a WHERE event_name = 'A'", None),
        ("WITH candidates AS (SELECT 'A' AS event_name) FROM candidates WHERE event_name = 'A'", None),
        ("FROM candidates AS c(event_name) WHERE event_name = 'A'", None),
        ("FROM candidates WHERE event_name = 'A' UNION ALL FROM candidates WHERE event_name = 'B'", {"A", "B"}),
        ("FROM candidates WHERE event_name = 'A' UNION ALL FROM candidates", None),
        ("FROM candidates WHERE event_name = 'A' EXCEPT FROM candidates WHERE event_name = 'B'", None),
        ("SELECT a.* FROM candidates AS a JOIN candidates AS b USING (caller) WHERE b.event_name = 'B'", {"B"}),
        ("SELECT 1 FROM candidates AS a JOIN other AS b USING (caller) WHERE event_name = 'B'", None),
        ("SELECT 1 FROM other LEFT JOIN (FROM candidates WHERE event_name = 'A') USING (caller)", None),
        ("SELECT 1 FROM (FROM candidates WHERE event_name = 'A') LEFT JOIN other USING (caller)", {"A"}),
        ("SELECT 1 FROM (FROM candidates WHERE event_name = 'A') RIGHT JOIN other USING (caller)", None),
        ("SELECT 1 FROM (FROM candidates WHERE event_name = 'A') FULL JOIN other USING (caller)", None),
        ("FROM other SEMI JOIN (FROM candidates WHERE event_name = 'A') USING (caller)", {"A"}),
        ("FROM other ANTI JOIN (FROM candidates WHERE event_name = 'A') USING (caller)", None),
        ("SELECT count(*) FROM candidates WHERE event_name = 'A'", None),
        ("SELECT 1 + max(event_time) FROM candidates WHERE event_name = 'A'", None),
        ("SELECT 1 FROM candidates WHERE event_name = 'A' HAVING true", None),
        ("SELECT account_id, count(*) FROM candidates WHERE event_name = 'A' GROUP BY account_id", {"A"}),
        ("SELECT count(*) FROM candidates WHERE event_name = 'A' GROUP BY ALL", None),
        ("SELECT count(*) FROM candidates WHERE event_name = 'A' GROUP BY CUBE (account_id)", None),
        ("SELECT count(*) OVER () FROM candidates WHERE event_name = 'A'", {"A"}),
        ("SELECT unnest(['x'])", None),
        (f"FROM {INTEGRITY} WHERE event_name = 'A'", {INTEGRITY}),
    ],
)
def test_only_what_is_certain_is_needed(sql: str, names: set[str] | None) -> None:
    assert needs_of(replace(RULES[0], sql=sql), VIEWS) == names
