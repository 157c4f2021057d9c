"""A real program, rsyslog as `docs/siem.md` configures it, tails the alert file through runs and renames."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detector.alerts.formats.names import AlertFormat
from fixtures.expect import TRAILS
from fixtures.receivers import read_line

ROOT = Path(__file__).parents[2]
RSYSLOG = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")
pytestmark = pytest.mark.skipif(RSYSLOG is None, reason="rsyslog is not installed: apt-get install rsyslog")


def documented_configuration(alerts: Path, received: Path, work: Path) -> str:
    """Return the configuration of the page, with places of this test, and a file where it sends to a SIEM."""
    page = (ROOT / "docs/siem.md").read_text(encoding="utf-8")
    [block] = re.findall(r"### rsyslog\n.*?```\n(.*?)```", page, re.DOTALL)
    block, sent = re.subn(r'type="omfwd".*?(?= template)', f'type="omfile" file="{received}"', block)
    assert sent == 1
    assert block.count("/var/lib/detector/alerts.jsonl") == 1
    return block.replace("/var/lib/detector/alerts.jsonl", str(alerts)).replace("/var/spool/rsyslog", str(work))


@contextmanager
def rsyslog(folder: Path) -> Iterator[None]:
    """Let rsyslog pass on `alerts` of the folder to `received`; when the block ends it has written what it has read."""
    (folder / "spool").mkdir()
    configuration = folder / "rsyslog.conf"
    configuration.write_text(documented_configuration(folder / "alerts", folder / "received", folder / "spool"))
    command = [str(RSYSLOG), "-n", "-f", str(configuration), "-i", str(folder / "rsyslog.pid")]
    with (folder / "said").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)
    assert "error" not in (folder / "said").read_text().lower()


def lines_of(*paths: Path) -> list[bytes]:
    return [line for path in paths if path.exists() for line in path.read_bytes().splitlines(keepends=True)]


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "rsyslog did not get so far"
        time.sleep(0.05)


def run_detector(trail: str, form: AlertFormat, folder: Path) -> None:
    command = [sys.executable, "-m", "detector", "run", str(TRAILS / trail / "AWSLogs"), "--jobs", "1"]
    command += ["--lake", str(folder / "lake"), "--format", form, "--output", str(folder / "alerts")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_every_line_arrives_once_though_the_file_is_renamed(tmp_path: Path) -> None:
    alerts, rotated, received = tmp_path / "alerts", tmp_path / "rotated", tmp_path / "received"
    with rsyslog(tmp_path):
        run_detector("break_glass", AlertFormat.JSONL, tmp_path)
        wait_until(lambda: bool(lines_of(received)))
        run_detector("compromised_root", AlertFormat.JSONL, tmp_path)
        alerts.rename(rotated)  # with lines that rsyslog may not have read
        run_detector("organisation_trail", AlertFormat.CEF, tmp_path)
        written = lines_of(rotated, alerts)
        wait_until(lambda: len(lines_of(received)) >= len(written))
    assert sorted(lines_of(received)) == sorted(written)
    assert (len(lines_of(rotated)), len(lines_of(alerts))) == (15 + 32, 14)
    for form, path in ((AlertFormat.JSONL, rotated), (AlertFormat.CEF, alerts)):
        for line in lines_of(path):
            read_line(form, line)
