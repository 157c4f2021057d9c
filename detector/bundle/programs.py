"""Programs of the system that put a mark on a bag, when somebody asks for one: ssh-keygen and openssl."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detector.bundle.layout import TAG_MANIFEST
from detector.errors import SinkError, UsageError
from detector.text import one_line

NAMESPACE: Final = "detector-evidence"
_SECONDS: Final = 30  # a signature is checked in milliseconds


@dataclass(frozen=True, slots=True)
class Marks:
    """What is to be made of a finished bag's tag manifest."""

    sign: Path | None = None  # a private key for ssh-keygen
    timestamp_query: Path | None = None  # where the query goes

    def check(self) -> None:
        """Refuse what cannot be done, before there is anything to mark.

        Raises:
            UsageError: a program is not installed, the key is not there, or the query is.
        """
        if self.sign is not None:
            _program("ssh-keygen", "--sign")
            if not self.sign.is_file():
                raise UsageError(f"there is no key {self.sign}", hint="make one: ssh-keygen -t ed25519 -f KEY")
        if self.timestamp_query is not None:
            _program("openssl", "--timestamp-query")
            if os.path.lexists(self.timestamp_query):
                raise UsageError(f"{self.timestamp_query} exists already", hint="name another file")

    def put_on(self, folder: Path) -> None:
        """Sign the tag manifest of a bag, and write the query about it.

        Raises:
            SinkError: a program fails.
        """
        tags = folder / TAG_MANIFEST
        if self.sign is not None:
            key = str(self.sign.absolute())
            _run([_program("ssh-keygen", "--sign"), "-Y", "sign", "-f", key, "-n", NAMESPACE, str(tags)])
        if self.timestamp_query is not None:
            query = str(self.timestamp_query.absolute())
            program = _program("openssl", "--timestamp-query")
            _run([program, "ts", "-query", "-data", str(tags), "-sha256", "-cert", "-out", query])


def signature_problem(signature: bytes, tags: bytes) -> tuple[bool, str] | None:
    """Return what is wrong with the signature of a bag; None when it is that of its own key over the tag manifest.

    Whose key it is, nobody here knows.

    Returns:
        Whether it is known to be wrong (otherwise nothing could be found out), and the reason.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        return False, "not checked: ssh-keygen is not installed"
    try:
        with tempfile.NamedTemporaryFile(prefix="detector-") as file:
            file.write(signature)
            file.flush()
            command = [program, "-Y", "check-novalidate", "-n", NAMESPACE, "-s", file.name]
            ended = subprocess.run(command, input=tags, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"not checked: {one_line(error)}"
    if ended.returncode:
        return True, f"no signature of {TAG_MANIFEST}"
    return None


def _program(name: str, option: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UsageError(f"{option} needs {name}, which is not installed", hint=f"install it, or leave {option} out")
    return found


def _run(command: Sequence[str]) -> None:
    try:
        ended = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
    except OSError as error:
        raise SinkError(f"cannot run {command[0]}: {error.strerror}") from error
    if ended.returncode:
        said = one_line(ended.stderr.decode("utf-8", "replace"))
        raise SinkError(f"{Path(command[0]).name} fails: {said}", hint="no bag was written")
