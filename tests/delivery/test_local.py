"""Lines arrive whole, or it is an error."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from detector.alerts.sinks.local import AlertFile, StandardOutput
from detector.alerts.sinks.sink import NotDelivered
from detector.errors import OutputClosed, SinkError
from detector.lake.ledger.outbox import Document

LINES = [b'{"a":1}\n', b'{"b":2}\n']
DOCUMENTS = [Document(str(number), line) for number, line in enumerate(LINES)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.jsonl"


def test_a_file_only_grows_and_is_never_replaced(path: Path) -> None:
    AlertFile(path).send(DOCUMENTS, 1)
    inode = path.stat().st_ino
    with path.open("rb") as tail:
        tail.read()
        AlertFile(path).send(DOCUMENTS, 1)
        assert tail.read() == b"".join(LINES)
    assert path.stat().st_ino == inode
    assert path.read_bytes() == b"".join(LINES * 2)


def test_the_file_is_made_before_there_is_anything_to_write(path: Path) -> None:
    AlertFile(path).create()
    assert path.read_bytes() == b""
    path.write_bytes(b"kept\n")
    AlertFile(path).create()
    assert path.read_bytes() == b"kept\n"


def test_after_a_rotation_the_next_batch_goes_to_a_new_file(path: Path) -> None:
    sink = AlertFile(path)
    sink.send(DOCUMENTS[:1], 1)
    path.rename(path.with_suffix(".1"))
    sink.send(DOCUMENTS[1:], 1)
    assert (path.with_suffix(".1").read_bytes(), path.read_bytes()) == tuple(LINES)


def test_a_header_comes_first_and_once(path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for _ in range(2):
        AlertFile(path, b"a,b\n").send(DOCUMENTS, 1)
    assert path.read_bytes() == b"a,b\n" + b"".join(LINES * 2)
    sink = StandardOutput(b"a,b\n")
    sink.send(DOCUMENTS[:1], 1)
    sink.send(DOCUMENTS[1:], 1)
    assert capfdbinary.readouterr().out == b"a,b\n" + b"".join(LINES)


def test_a_file_is_known_by_its_absolute_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert AlertFile(Path("x/../alerts.jsonl")).name == AlertFile(path).name == str(path)


def test_a_half_line_of_a_crash_is_closed_before_the_next(path: Path) -> None:
    path.write_bytes(b'{"a":1}\n{"half')
    AlertFile(path).create()
    assert path.read_bytes().endswith(b"half")
    AlertFile(path).send(DOCUMENTS, 1)
    assert path.read_bytes() == b'{"a":1}\n{"half\n' + b"".join(LINES)


def test_alerts_are_not_for_everybody_to_read(path: Path) -> None:
    AlertFile(path).send(DOCUMENTS, 1)
    assert path.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("target", ["missing/alerts.jsonl", "."])
def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, target: str) -> None:
    with pytest.raises(SinkError, match="cannot write") as caught:
        AlertFile(tmp_path / target).create()
    assert str(tmp_path) in str(caught.value)
    assert caught.value.hint == "no alert was recorded as written"
    with pytest.raises(NotDelivered, match="cannot write"):
        AlertFile(tmp_path / target).send(DOCUMENTS, 1)


def test_a_full_disk_is_an_error(path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from detector.alerts.sinks.local import AlertFile
from detector.errors import SinkError
from detector.lake.ledger.outbox import Document
try:
    AlertFile(Path({str(path)!r})).send([Document("id", b"x" * 99 + b"\\n")] * 50, 1)
except SinkError as error:
    print(error)
"""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_050, 1_050))

    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=limit)
    assert "File too large" in output.stdout
    AlertFile(path).send(DOCUMENTS, 1)
    assert path.read_bytes().splitlines()[-2:] == [line.strip() for line in LINES]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_a_device_that_is_full_is_an_error() -> None:
    with pytest.raises(NotDelivered, match="No space left"):
        AlertFile(Path("/dev/full")).send(DOCUMENTS, 1)


def test_a_named_pipe_can_be_the_output(path: Path) -> None:
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    AlertFile(path).send(DOCUMENTS, 1)
    reader.join(10)
    assert read == [b"".join(LINES)]


def test_two_processes_do_not_mix_their_lines(path: Path) -> None:
    code = f"""
import json, sys
from pathlib import Path
from detector.alerts.sinks.local import AlertFile
from detector.lake.ledger.outbox import Document
for number in range(40):
    line = json.dumps({{"name": sys.argv[1], "number": number, "fill": sys.argv[1] * 20_000}}).encode() + b"\\n"
    AlertFile(Path({str(path)!r})).send([Document("id", line)] * 3, 1)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    for name in "ab":
        assert [line["number"] for line in lines if line["name"] == name] == [n for n in range(40) for _ in range(3)]


def test_standard_output_gets_the_lines(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    StandardOutput().send(DOCUMENTS, 1)
    assert capfdbinary.readouterr().out == b"".join(LINES)


def test_a_closed_or_full_standard_output_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "w") as closed:  # noqa: PTH123 - a descriptor, not a path
        monkeypatch.setattr("sys.stdout", closed)
        with pytest.raises(OutputClosed):
            StandardOutput().send(DOCUMENTS, 1)
        StandardOutput().send(DOCUMENTS, 1)  # goes nowhere from now on, and so does what is flushed at exit


WRITE_TO_STDOUT = """
import sys
from detector.alerts.sinks.local import StandardOutput
from detector.errors import SinkError
from detector.lake.ledger.outbox import Document
try:
    StandardOutput().send([Document("id", b"x" * 99 + b"\\n")] * 50_000, 1)
except SinkError as error:
    sys.stderr.write(f"{type(error).__name__}: {error}")
    sys.exit(7)
"""


def test_a_reader_that_has_gone_is_an_error_without_a_complaint_at_exit() -> None:
    child = subprocess.Popen([sys.executable, "-c", WRITE_TO_STDOUT], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    assert child.stderr
    with child:
        child.stdout.close()
        message = child.stderr.read().decode()
    assert child.returncode == 7
    assert message == "OutputClosed: the reader of standard output has gone"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_a_full_standard_output_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        child = subprocess.run(
            [sys.executable, "-c", WRITE_TO_STDOUT], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert b"NotDelivered: cannot write to standard output: No space left on device" in child.stderr
