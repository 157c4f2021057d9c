"""Errors of the disk, in words for people, and writing that survives a crash."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import LakeError


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a refusal to write a file into a LakeError."""
    try:
        yield
    except OSError as error:
        raise disk_error(f"cannot write {path}", error) from error


def disk_error(message: str, error: OSError) -> LakeError:
    """Return the LakeError for a refusal of the file system, with what to do about it."""
    return LakeError(f"{message}: {error.strerror or error}", hint=_HINTS.get(error.errno or 0, ""))


_HINTS = {
    errno.ENOSPC: "the disk is full: make room and run the same command again; what was committed stays",
    errno.EDQUOT: "the disk quota is used up: make room and run the same command again; what was committed stays",
    errno.EFBIG: "a limit on the size of files (ulimit -f) is too low; what was committed stays",
    errno.EACCES: "the lake must be writable for this user",
    errno.EPERM: "the lake must be writable for this user",
    errno.EROFS: "the file system is mounted read-only",
}
