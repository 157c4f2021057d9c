"""The public interface, as a notebook or another program uses it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import detector
from detector import DetectorError, Lake, load_rules, scan_sources
from tests.running import LOGIN, write_log

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.usefixtures("few_rules")


def test_every_name_that_is_exported_is_there_and_described() -> None:
    for name in detector.__all__:
        assert getattr(detector, name) is not None
        assert name == "__version__" or f"`{name}" in PAGE, name
    assert set(dir(detector)) == set(detector.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        detector.nothing  # noqa: B018


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_run_and_are_typed(number: int, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(EXAMPLES[number])
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    ended = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "complete: True" in ended.stdout or "32 alerts" in ended.stdout
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_a_lake_takes_logs_and_gives_alerts_and_rows(tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs/1.json.gz", LOGIN)
    lake = Lake(tmp_path / "lake")
    assert lake.ingest(log).rows == 1
    assert lake.ingest(log).already_in == 1
    [alert] = lake.detect()
    assert alert.rule_id == "root_console_login_without_mfa"
    rows = lake.query("SELECT eventName FROM events WHERE awsRegion = $region", {"region": "us-east-1"})
    assert rows.to_pylist() == [{"eventName": "ConsoleLogin"}]


def test_a_scan_gives_the_alerts_of_a_lake_and_says_what_was_read(tmp_path: Path) -> None:
    write_log(tmp_path / "logs/1.json.gz", LOGIN)
    lake = Lake(tmp_path / "lake")
    lake.ingest(tmp_path / "logs")
    alerts = scan_sources(tmp_path / "logs")
    assert [alert.alert_id for alert in alerts] == [alert.alert_id for alert in lake.detect()]
    assert alerts[0].alert_id == alerts[:1][0].alert_id
    assert (alerts.report.records, alerts.report.is_incomplete) == (1, False)


def test_alerts_say_what_they_rest_on(tmp_path: Path) -> None:
    write_log(tmp_path / "logs/1.json.gz", LOGIN)
    lake = Lake(tmp_path / "lake")
    lake.ingest(tmp_path / "logs")

    for alerts in (lake.detect(), scan_sources(tmp_path / "logs")):
        assert (alerts.basis.accounts, alerts.basis.objects, alerts.basis.gaps) == (1, 1, 0)
        assert (alerts.basis.attested, alerts.basis.is_complete) == (None, False)
        assert alerts.sentence.startswith("1 alert in what could be read: 1 region of 1 account")


def test_a_rule_that_does_not_run_is_not_one_that_found_nothing(tmp_path: Path) -> None:
    write_log(tmp_path / "logs/1.json.gz", LOGIN)
    shipped = Path(load_rules()[0].path).read_text()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/broken.sql").write_text(
        shipped[: shipped.index("-- ///\n") + 7] + "SELECT nothing FROM candidates"
    )
    alerts = scan_sources(tmp_path / "logs", rules=[tmp_path / "rules"])
    assert len(alerts) == 1
    with pytest.raises(DetectorError, match="broken"):
        list(alerts)
    (tmp_path / "rules/broken.sql").write_text("no block")
    with pytest.raises(DetectorError, match="broken"):
        load_rules(tmp_path / "rules")


def test_the_help_does_not_wait_for_what_it_does_not_need() -> None:
    program = "import sys; from detector.cli.app import app; print({'duckdb', 'pyarrow', 'boto3'} & sys.modules.keys())"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "set()"
