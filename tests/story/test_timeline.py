"""`detector timeline` from the command line, and what it writes in each format."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from detector import Lake
from detector.cli.choices import TimelineFormat
from detector.cli.timeline import event_lines, list_lines, story_lines
from detector.story.story import Stories
from tests.running import LOGIN, Run, write_log
from tests.story.cases import TRAILS
from tests.story.test_formats import story

STORY, PART, NEXT_DAY = "0b9f8a7e022d2a7e", "6a41f42f2999909a", "ae9a348f54ba97d0"
KEY_CREATION = "bb41d037-af3a-57b6-aa8e-4e8fac641c98"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("timeline") / "lake"
    Lake(folder).ingest(TRAILS / "compromised_root/AWSLogs")
    return folder


@pytest.mark.usefixtures("few_rules")
def test_stories_are_listed_newest_first_with_the_alerts_about_them(run: Run, lake: Path) -> None:
    ended = run("timeline", "--lake", lake, "--format", "jsonl")
    newest, first = map(json.loads, ended.out.splitlines())
    assert (ended.code, ended.err) == (0, "2 stories\n")
    assert (newest["story_id"], first["story_id"]) == (NEXT_DAY, STORY)
    assert (first["severity"], first["event_count"], first["parts"]) == ("critical", 28, [STORY, PART])
    detected = run("detect", "--lake", lake)
    assert {one["alert_id"] for one in detected.alerts} == {*newest["alert_ids"], *first["alert_ids"]}
    assert {one["context"]["story"] for one in detected.alerts} == {STORY, PART, NEXT_DAY}


@pytest.mark.usefixtures("few_rules")
def test_a_story_is_shown_by_the_id_that_an_alert_names(run: Run, lake: Path) -> None:
    ended = run("timeline", "--lake", lake, "--story", PART)
    lines = ended.out.splitlines()
    assert ended.code == 0
    assert lines[0].startswith(f"{STORY}  critical  ")
    assert lines[1].startswith(
        "root signed in to account 111122223333 from 203.0.113.9 and 1 other address without MFA"
    )
    assert "made user support-backup at 2025-03-04 10:01:20: 1 call, the last 2025-03-04 20:30:00" in lines
    table = lines[lines.index("") + 1 :]
    assert table[0].split() == ["time", "(UTC)", "phase", "actor", "call", "on", "from", "came", "of", "it"]
    assert len(table) == 29
    assert table[1].startswith("2025-03-04 09:41:07  before   root")


def test_around_an_event_everybody_is_shown(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "around.csv"
    around = ("timeline", "--lake", lake, "--around", KEY_CREATION, "--format", "csv", "--output", file)
    ended = run(*around, "--minutes", 60)
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert (ended.code, ended.out, ended.err) == (0, "", f"{len(rows)} events within 60 minutes\n")
    times = [row["event_time"] for row in rows]
    assert times == sorted(times)
    assert min(times) >= "2025-03-04T08:58:02Z"
    assert max(times) <= "2025-03-04T10:58:02Z"
    assert KEY_CREATION in {row["event_id"] for row in rows}
    assert len({row["actor"] for row in rows}) > 1
    assert {row["phase"] for row in rows} == {""}
    missing = run("timeline", "--lake", lake, "--around", "no-such-event")
    assert missing.code == 2
    assert missing.err.startswith("error: no event no-such-event\nhint: ")


@pytest.mark.slow
@pytest.mark.usefixtures("few_rules")
def test_what_is_not_there_is_said(run: Run, lake: Path) -> None:
    unknown = run("timeline", "--lake", lake, "--story", "ffff")
    assert (unknown.code, unknown.err) == (
        2,
        "error: no story ffff\nhint: `detector timeline` lists the stories of a lake\n",
    )
    nothing = run("timeline", "--lake", lake, "--account", "999999999999", "--since", "2025-03-01")
    assert nothing.code == 3
    assert nothing.err.startswith("error: no story: nothing of root in what was asked for\nhint: ")


@pytest.mark.parametrize(
    "options",
    [
        ("--around", "x", "--story", "y"),
        ("--around", "x", "--account", "111122223333"),
        ("--story", "x", "--since", "7d"),
        ("--around", "x", "--minutes", "-1"),
        ("--around", "x", "--minutes", "nan"),
        ("--minutes", "5"),
    ],
)
def test_questions_that_do_not_go_together_are_refused(run: Run, options: tuple[str, ...]) -> None:
    ended = run("timeline", "--lake", "lake", *options)
    assert ended.code == 2
    assert "no lake" not in ended.err


@pytest.mark.slow
@pytest.mark.usefixtures("few_rules")
def test_events_of_a_list_are_bounded_and_the_others_counted(
    run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("timeline", "--lake", lake, "--format", "timesketch")
    assert (len(whole.out.splitlines()), whole.err) == (30, "2 stories\n")
    monkeypatch.setattr("detector.cli.timeline._MOST_OF_EACH", 10)
    few = run("timeline", "--lake", lake, "--format", "timesketch")
    assert (len(few.out.splitlines()), few.code) == (12, 0)
    assert few.err.endswith("18 more events of these stories; --story writes more of one\n")


@pytest.mark.slow
@pytest.mark.usefixtures("few_rules")
def test_gaps_change_the_exit_code_unless_they_are_allowed(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs/a.json.gz", LOGIN)
    (tmp_path / "logs/bad.json.gz").write_bytes(b"\x1f\x8b\x08")
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake", "--jobs", 1)
    incomplete = run("timeline", "--lake", tmp_path / "lake")
    assert (incomplete.code, len(incomplete.out.splitlines())) == (4, 2)
    assert "warning: 1 gap in " in incomplete.err
    assert run("timeline", "--lake", tmp_path / "lake", "--allow-gaps").code == 0
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "bad.sql").write_text("SELECT 1")
    assert run("timeline", "--lake", tmp_path / "lake", "--rules", rules).code == 2


def test_each_format_of_a_list_of_one_and_of_events() -> None:
    one = story()
    told = Stories((one, one), 3)

    def shown(lines: Iterable[bytes]) -> list[str]:
        return b"".join(lines).decode().splitlines()

    counts = {
        form: (
            len(shown(list_lines(told, form, is_shown=False))),
            len(shown(story_lines(one, form, is_shown=False))),
            len(shown(event_lines(one.events, form, is_shown=True))),
        )
        for form in TimelineFormat
    }
    assert counts == {
        TimelineFormat.TABLE: (3, 12, 3),
        TimelineFormat.JSONL: (2, 2, 2),
        TimelineFormat.CSV: (3, 3, 3),
        TimelineFormat.MARKDOWN: (6, 23, 4),
        TimelineFormat.TIMESKETCH: (4, 2, 2),
    }
    assert shown(story_lines(one, TimelineFormat.TABLE, is_shown=False))[-1] == "… 1 more event; `detector sql` has all"
    assert json.loads(shown(story_lines(one, TimelineFormat.JSONL, is_shown=False))[0])["story_id"] == one.id
