"""A program on a terminal of a given width, as a person starts it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Starts the command line with some of the rules, the path of which comes first; a real start costs seconds.
WITH_FEW_RULES = """
import sys, pathlib
rules = pathlib.Path(sys.argv.pop(1))
import detector.array_libraries  # before Arrow, as where the program is started by its name
import detector.detect.detect, detector.rules.rule
detector.detect.detect.shipped_rules_directory = lambda: rules
from detector.__main__ import main
sys.argv[0] = "detector"
main()
"""


def with_few_rules(few_rules_directory: os.PathLike[str]) -> list[str]:
    """The command line as a process of its own, with some of the rules."""
    return [sys.executable, "-c", WITH_FEW_RULES, str(few_rules_directory)]


@dataclass
class Shown:
    """What two terminals showed: one is standard output, the other standard error."""

    code: int
    out: str
    err: str
    raw_out: str = field(repr=False, default="")
    raw_err: str = field(repr=False, default="")


@dataclass
class _Screen:
    """The far end of a terminal; reads in a thread of its own until the last writer has gone."""

    columns: int
    seen: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.columns, 0, 0))
        self._reader = threading.Thread(target=self._read)

    def start(self) -> None:
        os.close(self.slave)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self.master, 65_536)
            except OSError:  # EIO: nobody has it open any more
                piece = b""
            if not piece:
                return
            self.seen += piece

    def end(self) -> str:
        self._reader.join()
        os.close(self.master)
        return self.seen.decode().replace("\r\n", "\n")


def on_terminal(
    command: Sequence[object],
    columns: int = 80,
    *,
    variables: Mapping[str, str] | None = None,
) -> Shown:
    """Run a command whose standard output and error are terminals.

    Args:
        command: program and arguments.
        columns: of both terminals.
        variables: of the environment, beside those of this process.
    """
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment = kept | {"TERM": "xterm-256color"} | dict(variables or {})
    out, err = _Screen(columns), _Screen(columns)
    process = subprocess.Popen(
        list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out.slave, stderr=err.slave, env=environment
    )
    out.start()
    err.start()
    try:
        code = process.wait(timeout=120)
    finally:
        process.send_signal(signal.SIGKILL)
    raw_out, raw_err = out.end(), err.end()
    return Shown(code, _CONTROL.sub("", raw_out), _CONTROL.sub("", raw_err), raw_out, raw_err)


def has_colour(text: str) -> bool:
    """Whether text sets colours or type faces."""
    return _COLOUR.search(text) is not None
