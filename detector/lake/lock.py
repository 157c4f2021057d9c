"""One writer at a time: an advisory lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from detector.errors import LakeBusy

LOCK_NAME = "writer.lock"


@contextmanager
def writer_lock(lake: Path) -> Iterator[None]:
    """Hold the lock of a lake while the block runs. The kernel lets go of it when the process ends, however it ends.

    Raises:
        LakeBusy: another process holds it; the message says which.
    """
    path = lake / LOCK_NAME
    # Python opens files close-on-exec: the server that workers are forked from does not inherit the lock.
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read(200).strip() or "another process"
            raise LakeBusy(
                f"{lake} is being written by {holder}",
                hint="wait for it to end, or give this run a lake of its own",
            ) from error
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
        file.flush()
        yield
        file.seek(0)
        file.truncate()
