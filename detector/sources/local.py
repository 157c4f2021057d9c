"""Log files on this machine: a file or a directory."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from detector.errors import SourceError
from detector.reasons import Reason
from detector.scope import Scope
from detector.sources.keys import exclusion, folder_exclusion, is_digest, other_service, parse_folder, skip_reason
from detector.sources.lake_folder import OTHER_LAKE, holds_lake
from detector.sources.log_source import (
    MAX_OBJECT_BYTES,
    LeftOut,
    Listed,
    LogObject,
    Skipped,
    Unreadable,
    lies_below,
    too_large,
)
from detector.sources.stream import StreamSource, why

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.~-]+")  # nothing in it needs quoting
_SPECIAL_FILES: Final = (
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
)


def open_local(path: Path, lake: Path | None = None) -> LocalSource | StreamSource:
    """Return the source that `path` names: a file, a directory, or a pipe such as `<(zcat …)`.

    Args:
        path: of the source.
        lake: the user's own, which may lie in the source.

    Raises:
        SourceError: there is nothing at `path`, or it cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
            return LocalSource(path.resolve(), lake and lake.resolve())
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceError(
            f"cannot read {str(path)!r}: {why(error)}", hint="check the path; for a bucket write s3://BUCKET/PREFIX"
        ) from error
    return StreamSource(lambda: path.open("rb"))


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A directory, or one file, named by its resolved path; so is the user's own lake, which may lie in it."""

    path: Path
    lake: Path | None = None

    @property
    def root(self) -> str:
        """The path."""
        return _uri(self.path)

    def list(self, scope: Scope) -> Iterator[Listed]:
        """Yield what lies below the path, directory by directory in the order of the names' bytes.

        Links to files are read; links to directories are not followed, hidden directories and lakes not entered. Any
        lake but the user's own is unreadable: logs may lie in it.
        One explicitly named file is a log object whatever it is called.
        """
        if self.path.is_dir():
            yield from _Walk(scope, _naming_prefix(self.path), self.lake).walk(self.path)
        else:
            try:
                yield _log_object(_uri(self.path), self.path.stat())
            except OSError:
                yield Unreadable(_uri(self.path), "gone since")

    def reader(self) -> LocalReader:
        """Return a reader of local files."""
        return LocalReader()

    def covers(self, uri: str, scope: Scope) -> bool:  # noqa: ARG002 - folders are named whatever it reaches
        """Tell whether something is the file, or lies in the directory."""
        return lies_below(uri, self.root)


@dataclass(frozen=True, slots=True)
class LocalReader:
    """Reads local files by their `file:///` URIs."""

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        """Yield the bytes of each file, in order, one at a time."""
        for item in objects:
            yield item, read_file(item.uri)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk over a directory tree; `naming_prefix` is put before relative paths to read them as keys."""

    scope: Scope
    naming_prefix: str
    lake: Path | None

    def walk(self, root: Path) -> Iterator[Listed]:
        # A stack, not recursion: the depth of somebody else's tree is not ours to bound.
        open_directories = [self._enter(root, self.naming_prefix)]
        while open_directories:
            step = next(open_directories[-1], None)
            if step is None:
                open_directories.pop()
            elif isinstance(step, tuple):
                open_directories.append(self._enter(*step))
            else:
                yield step

    def _enter(self, directory: Path, key: str) -> Iterator[Listed | tuple[Path, str]]:
        """Yield a directory's files, and `(path, key)` for each directory to enter next."""
        folder_uri = _uri(directory).rstrip("/") + "/"
        try:
            with os.scandir(directory) as found:
                entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            yield Unreadable(_uri(directory), f"directory: {why(error)}")
            return
        if directory == self.lake:
            yield LeftOut(folder_uri, Reason.LAKE.of())
            return
        if holds_lake(directory, key, entries):
            yield Unreadable(_uri(directory), OTHER_LAKE)
            return
        for entry in entries:
            yield self._look_at(entry, key + entry.name, folder_uri)

    def _look_at(self, entry: os.DirEntry[str], key: str, folder_uri: str) -> Listed | tuple[Path, str]:
        uri = folder_uri + _quoted(entry.name)
        try:
            status = entry.stat()
        except OSError as error:
            broken_link = entry.is_symlink() and isinstance(error, FileNotFoundError)
            return self._judge(uri, key) or Unreadable(uri, "broken link" if broken_link else why(error))
        if not stat.S_ISREG(status.st_mode):
            if stat.S_ISDIR(status.st_mode):
                return self._judge_directory(entry, uri + "/", key + "/") or (Path(entry.path), key + "/")
            special = next((name for is_such, name in _SPECIAL_FILES if is_such(status.st_mode)), None)
            if special:
                return Skipped(uri, Reason.SPECIAL_FILE.of(what=special))
        judged = self._judge(uri, key)
        if isinstance(judged, Skipped) and is_digest(key):
            return Skipped(uri, judged.reason, _log_object(uri, status))
        return judged or _log_object(uri, status)

    def _judge(self, uri: str, key: str) -> Listed | None:
        if excluded := exclusion(self.scope, key):
            return excluded.of(uri)
        if reason := skip_reason(key):
            return Skipped(uri, reason)
        return None

    def _judge_directory(self, entry: os.DirEntry[str], uri: str, key: str) -> LeftOut | None:
        if entry.is_symlink():
            return LeftOut(uri, Reason.LINK.of())
        if entry.name.startswith("."):
            return LeftOut(uri, Reason.HIDDEN_DIRECTORY.of())
        if excluded := folder_exclusion(self.scope, key):
            return excluded.of(uri)
        reason = other_service(key)
        return LeftOut(uri, reason) if reason else None


def read_file(uri: str) -> bytes | Unreadable:
    """Return the bytes of the file that a `file:///` URI names."""
    try:
        # Not through a Path and a buffer: they take longer than to read a digest.
        file = os.open(name_of_uri(uri), os.O_RDONLY)
        try:
            # Before any memory is taken: a sparse file has whatever size somebody gave it.
            size_bytes = os.fstat(file).st_size
            return too_large(uri, size_bytes) if size_bytes > MAX_OBJECT_BYTES else _read_whole(file, size_bytes)
        finally:
            os.close(file)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        return Unreadable(uri, "listed, but gone since" if gone else why(error))


def _read_whole(file: int, size_bytes: int) -> bytes:
    content = os.read(file, size_bytes)
    while len(content) < size_bytes and (more := os.read(file, size_bytes - len(content))):
        content += more
    return content


def _naming_prefix(root: Path) -> str:
    """Return what to put before paths relative to `root` so that they read as keys."""
    parts = list(root.parts)
    at = len(parts) - 1 - parts[::-1].index("AWSLogs") if "AWSLogs" in parts else len(parts) - 1
    prefix = "/".join(parts[at:]).strip("/") + "/"
    kind = parse_folder(prefix).kind
    # Whoever names a folder inside another kind's tree wants it read.
    return prefix if kind in (None, "CloudTrail") else ""


def _log_object(uri: str, status: os.stat_result) -> LogObject:
    return LogObject(uri, status.st_size, f"{status.st_size}-{status.st_mtime_ns}", _moment(status.st_mtime_ns))


def _moment(nanoseconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


def _uri(path: Path) -> str:
    # as_uri() quotes the name's bytes, so that names that are no UTF-8 survive.
    return path.as_uri()


def _quoted(name: str) -> str:
    """Return a file's name as `_uri` has it."""
    return name if _PLAIN_NAME.fullmatch(name) else quote_from_bytes(os.fsencode(name))


def path_of_uri(uri: str) -> Path:
    """Return the path that a `file:///` URI names, byte for byte."""
    return Path(name_of_uri(uri))


def name_of_uri(uri: str) -> str:
    """Return the same as text, as the system takes it."""
    quoted = uri.removeprefix("file://")
    return os.fsdecode(unquote_to_bytes(quoted)) if "%" in quoted else quoted
