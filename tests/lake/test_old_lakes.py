"""Lakes of earlier versions: they open as they are, a writer brings them up to date, the alerts stay the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tests.running import Run

ROOT = Path(__file__).parents[2]
OLD_LAKES = sorted((ROOT / "fixtures/lakes").glob("version_*"))
EXPECTED = Counter(
    json.loads(line)["alert_id"]
    for line in (ROOT / "fixtures/trails/compromised_root/expected.jsonl").read_text().splitlines()
)

pytestmark = pytest.mark.slow


@pytest.fixture(params=OLD_LAKES, ids=lambda path: path.name)
def old_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(request.param, tmp_path / "lake"))


def version(lake: Path) -> int:
    with sqlite3.connect(lake / "ledger.sqlite") as connection:
        [number] = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(number)


def test_an_old_lake_gives_the_same_alerts_before_and_after_a_writer_has_brought_it_up_to_date(
    run: Run, old_lake: Path
) -> None:
    before = version(old_lake)
    assert Counter(alert["alert_id"] for alert in run("detect", "--lake", old_lake).alerts) == EXPECTED
    assert version(old_lake) == before, "a reader changes nothing"
    assert run("compact", "--lake", old_lake).code == 0
    assert version(old_lake) > before
    assert Counter(alert["alert_id"] for alert in run("detect", "--lake", old_lake).alerts) == EXPECTED
    assert run("lake", "check", "--lake", old_lake).code == 0


def test_what_an_old_lake_has_written_is_not_written_again(run: Run, old_lake: Path) -> None:
    with sqlite3.connect(old_lake / "ledger.sqlite") as connection:
        written = {row[0] for row in connection.execute("SELECT alert_id FROM emitted_alerts")}
    connection.close()
    new = {alert["alert_id"] for alert in run("detect", "--new", "--lake", old_lake).alerts}
    assert new == set(EXPECTED) - written
    assert run("detect", "--new", "--lake", old_lake).alerts == []
