"""Inputs from public bug reports, where they are at hand: what scan says, ingest and detect say, too."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.running import Run

CASES = Path(__file__).parents[3] / "shared/cases/public-reports"
FOLDERS = sorted(path for path in CASES.glob("r*") if path.is_dir() and path.name != "r21_messages")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FOLDERS, reason="the cases are not at hand")]

LOGIN = "root_console_login_without_mfa"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_scan_and_the_lake_say_the_same(run: Run, tmp_path: Path, folder: Path) -> None:
    report = tmp_path / "report.json"
    scanned = run("scan", folder, "--report", report, "--jobs", 1)
    ingested = run("ingest", folder, "--lake", tmp_path / "lake", "--report", tmp_path / "ingest.json", "--jobs", 1)
    assert scanned.code == ingested.code
    detected = run("detect", "--lake", tmp_path / "lake", "--allow-gaps")
    assert Counter(alert["alert_id"] for alert in detected.alerts) == Counter(a["alert_id"] for a in scanned.alerts)
    counts = [json.loads(path.read_text()) for path in (report, tmp_path / "ingest.json")]
    for name in ("failures", "rejected", "skipped_for_content", "records"):
        assert counts[0][name] == counts[1][name] or name == "records", name
