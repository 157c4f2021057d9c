"""`detector lake`, and how the other commands speak of a lake whose ledger is lost or too old."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from detector.lake.ledger.ledger import Ledger
from detector.lake.part import Part
from detector.lake_layout import LEDGER
from tests.running import LOGIN, Run, write_log

pytestmark = pytest.mark.usefixtures("few_rules")
LATER = LOGIN | {"eventID": "00000000-0000-0000-0000-000000000001", "eventTime": "2024-06-01T00:00:00Z"}


@pytest.fixture
def lake(run: Run, tmp_path: Path) -> Path:
    """A lake whose ledger is older than its second part."""
    write_log(tmp_path / "logs" / "login.json.gz", LOGIN)
    assert run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake").code == 0
    older = (tmp_path / "lake" / LEDGER).read_bytes()
    write_log(tmp_path / "logs" / "later.json.gz", LATER)
    assert run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake").code == 0
    (tmp_path / "lake" / LEDGER).write_bytes(older)
    return tmp_path / "lake"


@pytest.mark.parametrize("command", [["detect"], ["status"], ["sql", "SELECT eventID FROM events"]])
def test_readers_warn_of_parts_that_the_ledger_does_not_know(run: Run, lake: Path, command: list[str]) -> None:
    result = run(*command, "--lake", lake)
    assert result.code == 0
    [warning] = [line for line in result.err.splitlines() if line.startswith("warning:")]
    assert "1 part that its ledger does not know, such as events/event_date=2024-06-01/part-" in warning
    assert LATER["eventID"] not in result.out


@pytest.mark.parametrize("command", [["detect"], ["status"], ["sql", "SELECT 1"]])
def test_an_empty_ledger_beside_parts_is_an_error_for_readers(run: Run, lake: Path, command: list[str]) -> None:
    (lake / LEDGER).write_bytes(b"")
    result = run(*command, "--lake", lake)
    assert result.code == 2
    assert "detector lake repair --lake" in result.err


def test_writers_refuse_check_tells_and_repair_mends(run: Run, lake: Path, tmp_path: Path) -> None:
    refused = run("run", tmp_path / "logs", "--lake", lake)
    assert refused.code == 2
    assert "holds a part that ledger.sqlite does not know" in refused.err
    assert f"detector lake repair --lake {lake}" in refused.err
    differs = run("lake", "check", "--lake", lake)
    assert (differs.code, len(differs.out.splitlines())) == (4, 1)
    assert "is not known to the ledger" in differs.out
    repaired = run("lake", "repair", "--lake", lake)
    assert repaired.code == 0
    assert "2 parts listed anew, with 2 rows of 2 objects" in repaired.err
    assert "kept as" in repaired.err
    assert run("lake", "check", "--lake", lake).code == 0
    again = run("run", tmp_path / "logs", "--lake", lake)
    assert (again.code, len(again.alerts)) == (0, 2)
    assert "0 ingested, 2 already in" in again.err


@pytest.mark.parametrize(
    ("damage", "word"),
    [(lambda part: part.unlink(), "is missing"), (lambda part: part.write_bytes(b"half"), "has 4 bytes")],
)
def test_check_names_a_part_that_is_not_as_listed(run: Run, lake: Path, damage, word: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    assert run("lake", "repair", "--lake", lake).code == 0
    damage(next(lake.glob("events/*/part-*")))
    result = run("lake", "check", "--lake", lake)
    assert result.code == 4
    assert word in result.out


def test_check_names_a_part_whose_bytes_are_no_parquet(run: Run, lake: Path) -> None:
    assert run("lake", "repair", "--lake", lake).code == 0
    part = next(lake.glob("events/*/part-*"))
    part.write_bytes(bytes(part.stat().st_size))
    result = run("lake", "check", "--lake", lake)
    assert (result.code, result.out.count("is damaged")) == (4, 1)


@pytest.mark.slow
def test_gaps_are_told_and_change_the_exit_code_until_they_are_closed(run: Run, tmp_path: Path) -> None:
    logs, lake = tmp_path / "logs", tmp_path / "lake"
    whole = write_log(logs / "login.json.gz", LOGIN).read_bytes()
    cut = write_log(logs / "cut.json.gz", *[LATER] * 3)
    cut.write_bytes(cut.read_bytes()[:-12])
    assert run("ingest", logs, "--lake", lake).code == 4
    warned = run("detect", "--lake", lake)
    assert warned.code == 4
    assert LOGIN["eventID"] in warned.out
    [warning] = [line for line in warned.err.splitlines() if line.startswith("warning:")]
    assert f"1 gap in {lake}: file://{cut}: " in warning
    assert run("detect", "--lake", lake, "--allow-gaps").code == 0
    assert run("detect", "--lake", lake, "--fail-on", "high").code == 1, "an alert counts more"
    shown = run("status", "--lake", lake)
    assert (shown.code, f"gap: file://{cut}: " in shown.err) == (4, True)
    elsewhere = write_log(tmp_path / "other" / "log.json.gz", LATER).parent
    assert run("run", elsewhere, "--lake", lake).code == 4, "an earlier gap"
    assert run("run", elsewhere, "--lake", lake, "--allow-gaps").code == 0
    cut.write_bytes(whole)
    assert run("run", logs, "--lake", lake).code == 0
    assert run("detect", "--lake", lake).code == 0
    assert run("status", "--lake", lake).code == 0


def test_a_lake_that_nothing_was_ingested_into_gives_no_answer(run: Run, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake").code == 3
    assert not (tmp_path / "lake").exists()
    (tmp_path / "lake").mkdir()
    Ledger.open(tmp_path / "lake", writable=True).close()  # as a writer that was killed leaves it
    asked = run("detect", "--lake", tmp_path / "lake")
    assert (asked.code, asked.out) == (3, "")
    assert "nothing was ever ingested into" in asked.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a[b]c*?", "per%20cent#frag?x=1", "with space", "quo'te", "{a,b}", "new\nline"])
def test_a_lake_may_have_any_name(run: Run, tmp_path: Path, name: str) -> None:
    write_log(tmp_path / "logs" / "login.json.gz", LOGIN)
    lake = tmp_path / name / "lake"
    assert run("run", tmp_path / "logs", "--lake", lake).alerts
    assert LOGIN["eventID"] in run("sql", "SELECT eventID FROM events", "--lake", lake).out
    assert run("compact", "--lake", lake).code == 0
    assert run("detect", "--lake", lake).alerts


def test_a_lake_whose_path_is_no_utf8_is_refused_at_once(run: Run, tmp_path: Path) -> None:
    refused = run("ingest", tmp_path, "--lake", tmp_path / "bad\udcff")
    assert (refused.code, refused.errors) == (2, ["error: the path of --lake is not UTF-8"])


def test_lakes_alerts_and_reports_are_for_their_owner_only(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "login.json.gz", LOGIN)
    made = [tmp_path / name for name in ("lake", "alerts.jsonl", "report.json")]
    arguments = ["run", tmp_path / "logs", "--jobs", 2, "--lake", made[0], "--output", made[1], "--report", made[2]]
    subprocess.run([sys.executable, "-m", "detector", *map(str, arguments)], check=True, capture_output=True, umask=0)
    modes = {path: path.stat().st_mode & 0o077 for one in made for path in (one, *one.rglob("*"))}
    assert len(modes) > 6
    assert set(modes.values()) == {0}


@pytest.mark.parametrize(("has_checksum", "word"), [(True, "is damaged"), (False, "cannot be read")])
def test_check_notices_one_flipped_bit(run: Run, lake: Path, *, has_checksum: bool, word: str) -> None:
    assert run("lake", "repair", "--lake", lake).code == 0
    if not has_checksum:  # earlier versions kept none
        with sqlite3.connect(lake / "ledger.sqlite") as connection:
            connection.execute("DELETE FROM part_checksums")
        connection.close()
    part = next(lake.glob("events/*/part-*"))
    content = bytearray(part.read_bytes())
    column = pq.read_metadata(part).row_group(0).column(0)
    content[(column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1] ^= 1
    part.write_bytes(content)
    assert word in run("lake", "check", "--lake", lake).out


def flip_a_bit(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda part: part.unlink(),
        lambda part: part.write_bytes(part.read_bytes()[:-20]),
        lambda part: part.write_bytes(bytes(part.stat().st_size)),
        lambda part: flip_a_bit(part, 100),
        lambda part: flip_a_bit(part, part.stat().st_size - 100),
    ],
    ids=["missing", "cut off", "overwritten", "a bit", "a bit of the metadata"],
)
def test_a_damaged_part_is_named_the_others_are_read_and_it_can_be_had_again(
    run: Run,
    tmp_path: Path,
    damage: Callable[[Path], object],
) -> None:
    logs, lake = tmp_path / "logs", tmp_path / "lake"
    write_log(logs / "login.json.gz", LOGIN)
    write_log(logs / "later.json.gz", LATER)
    assert run("ingest", logs, "--lake", lake).code == 0
    before = {alert["alert_id"] for alert in run("detect", "--lake", lake).alerts}
    part = next(lake.glob("events/event_date=2024-06-01/part-*"))
    damage(part)
    seen = run("detect", "--lake", lake)
    assert (seen.code, {alert["alert_id"] for alert in seen.alerts} < before) == (4, True)
    assert f"1 gap in {lake}: {part}" in seen.err
    assert run("detect", "--withdrawn", "--lake", lake).code == 2
    assert run("lake", "check", "--lake", lake).code == 4
    assert run("lake", "repair", "--lake", lake).code == 0
    assert run("ingest", logs, "--lake", lake).code == 0
    again = run("detect", "--lake", lake)
    assert (again.code, {alert["alert_id"] for alert in again.alerts}) == (0, before)
    assert run("lake", "check", "--lake", lake).code == 0


@pytest.fixture
def half_damaged(run: Run, tmp_path: Path) -> Path:
    """A lake of two days with two parts each, one of which has lost a bit."""
    lake = tmp_path / "lake"
    for number, day in enumerate(["2024-05-06", "2024-05-06", "2024-06-01", "2024-06-01"]):
        one = {"eventID": f"00000000-0000-0000-0000-{number:012}", "eventTime": f"{day}T00:00:0{number}Z"}
        write_log(tmp_path / "logs" / f"{number}.json.gz", LOGIN | one)
        assert run("ingest", tmp_path / "logs", "--lake", lake).code == 0
    flip_a_bit(next(lake.glob("events/event_date=2024-06-01/part-*")), 100)
    return lake


def parts_of(lake: Path, day: str) -> set[str]:
    return {path.name for path in lake.glob(f"events/event_date={day}/part-*")}


def test_what_is_damaged_is_not_put_together_as_if_it_were_not(run: Run, half_damaged: Path, tmp_path: Path) -> None:
    before = parts_of(half_damaged, "2024-06-01")
    compacted = run("compact", "--lake", half_damaged)
    assert compacted.code == 4
    assert "1 day compacted, 2 parts became 1" in compacted.err
    assert "the parts of 2024-06-01 are left as they are: events/event_date=2024-06-01/part-" in compacted.err
    assert "hint: detector lake repair" in compacted.err
    assert parts_of(half_damaged, "2024-06-01") == before
    seen = run("detect", "--lake", half_damaged)
    assert (seen.code, len(seen.alerts)) == (4, 3)
    assert "detector lake repair" in seen.err
    assert run("lake", "repair", "--lake", half_damaged).code == 0
    assert run("ingest", tmp_path / "logs", "--lake", half_damaged).code == 0
    assert run("compact", "--lake", half_damaged).code == 0
    assert len(run("detect", "--lake", half_damaged).alerts) == 4


def test_a_run_says_what_it_left_and_that_it_is_not_complete(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damage(part: Part, _path: Path, _crc32: int | None) -> str | None:
        return "is damaged" if part.event_date == "2024-06-01" else None

    logs, lake = tmp_path / "logs", tmp_path / "lake"
    write_log(logs / "login.json.gz", LOGIN)
    write_log(logs / "later.json.gz", LATER)
    monkeypatch.setattr("detector.cli.run._UNCLASSIFIED_PARTS", 1)
    monkeypatch.setattr("detector.lake.compaction.damage", damage)  # of a part that rules do not read
    done = run("run", logs, "--lake", lake, "--jobs", "1")
    assert done.code == 4
    assert "the parts of 2024-06-01 are left as they are" in done.err
    allowed = run("run", logs, "--lake", lake, "--jobs", "1", "--allow-gaps")
    assert (allowed.code, "are left as they are" in allowed.err) == (0, True)


def test_a_query_says_that_a_part_is_not_there(run: Run, half_damaged: Path) -> None:
    next(half_damaged.glob("events/event_date=2024-05-06/part-*")).unlink()
    result = run("sql", "SELECT count(*) AS n FROM events", "--lake", half_damaged, "--format", "csv")
    assert (result.code, result.out.splitlines()) == (4, ["n", "3"])
    assert "warning: 1 gap" in result.err
    assert "hint:" in result.err
    assert "--allow-gaps" not in result.err
