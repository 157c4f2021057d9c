"""One writer at a time: an advisory lock on the ledger itself, that dies with its process."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from detector.errors import LakeBusy, LakeError
from detector.lake.ledger.ledger import Ledger
from detector.lake_layout import LEDGER
from detector.times import utc_now

_SOMEBODY = "another process"
# Of the file, far behind the bytes that SQLite locks (from 1 GiB on) and behind the end of any ledger. A network file
# system takes `flock` for a lock on all bytes, and would lock out the SQLite of the very process that holds it.
_LOCKED_BYTE = 1 << 40
_STRUCT_FLOCK = "hhqqi4x"  # l_type, l_whence, l_start, l_len, l_pid, as 64-bit Linux lays them out


@contextmanager
def writer_lock(lake: Path) -> Iterator[None]:
    """Lock the ledger of a lake while the block runs, creating an empty one where there is none.

    The kernel lets go of the lock when the process ends, however it ends. Whoever opens the ledger does it inside the
    block: to close the file here lets go of the locks, of another kind, that SQLite holds for the whole process.
    This one belongs to the open file: no other file of this process that is closed lets go of it.

    Raises:
        LakeBusy: another process holds it; the message says which.
    """
    path = lake / LEDGER
    locked = False
    while not locked:
        # Python opens files close-on-exec: the server that workers are forked from does not inherit the lock.
        with path.open("ab") as file:
            _lock(file, lake)
            locked = _is_at(file, path)  # else it was replaced in the meantime
            if locked:
                yield


def this_process() -> str:
    """Say who holds the lock."""
    return f"process {os.getpid()} on {socket.gethostname()} since {utc_now():%Y-%m-%dT%H:%M:%SZ}"


def _lock(file: IO[bytes], lake: Path) -> None:
    try:
        _lock_one_byte(file)
    except BlockingIOError as error:
        raise LakeBusy(
            f"{lake} is being written by {_holder(lake)}",
            hint="wait for it to end, or give this run a lake of its own",
        ) from error


def _lock_one_byte(file: IO[bytes]) -> None:
    if sys.platform == "linux":
        wanted = struct.pack(_STRUCT_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _LOCKED_BYTE, 1, 0)
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, wanted)
    else:  # a lake there is on a local disk
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(lake: Path) -> str:
    with suppress(LakeError):  # it has only just been made
        ledger = Ledger.open(lake, writable=False)
        try:
            return ledger.writer() or _SOMEBODY
        finally:
            ledger.close()
    return _SOMEBODY


def _is_at(file: IO[bytes], path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
