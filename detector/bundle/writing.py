"""Writing a bag: beside its place, every file made durable, and in its place when it is finished or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from detector.bundle.layout import (
    DECLARATION,
    DECLARATION_TEXT,
    INFORMATION,
    MANIFEST,
    TAG_MANIFEST,
    information,
    manifest,
    object_path,
)
from detector.bundle.zipped import SUFFIX, write_zip
from detector.errors import SinkError, UsageError
from detector.lake.disk import fsync_folder


@dataclass(slots=True)
class BagWriter:
    """A bag that is being written."""

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)  # by path, of the payload
    payload_bytes: int = 0

    def add(self, path: str, lines: Iterable[bytes]) -> None:
        """Write one file of the payload, from parts that are joined."""
        self.hashes[path], size_bytes = self._write(path, lines)
        self.payload_bytes += size_bytes

    def add_object(self, stored: bytes) -> str:
        """Write an object, once; return the SHA-256 of its bytes, in hex."""
        sha256 = hashlib.sha256(stored).hexdigest()
        path = object_path(sha256, stored)
        if path not in self.hashes:
            self.add(path, [stored])
        return sha256

    def finish(self) -> str:
        """Write the manifests, and make all of it durable; return the SHA-256 of the one that vouches for the rest."""
        tags = {
            DECLARATION: DECLARATION_TEXT,
            INFORMATION: information(self.payload_bytes, len(self.hashes)),
            MANIFEST: manifest(self.hashes),
        }
        hashes = {path: self._write(path, [text.encode()])[0] for path, text in tags.items()}
        sha256, _ = self._write(TAG_MANIFEST, [manifest(hashes).encode()])
        return sha256

    def _write(self, path: str, parts: Iterable[bytes]) -> tuple[str, int]:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        sha256, size_bytes = hashlib.sha256(), 0
        with target.open("xb") as file:
            for part in parts:
                file.write(part)
                sha256.update(part)
                size_bytes += len(part)
            file.flush()
            os.fsync(file.fileno())
        return sha256.hexdigest(), size_bytes


@contextmanager
def open_bag(output: Path) -> Iterator[BagWriter]:
    """Hand out what writes a bag; when the block ends well it is in its place, otherwise nothing is left of it.

    Args:
        output: must not exist, its folder must; one that ends in `.zip` becomes a zip.

    Raises:
        UsageError: there is something already.
        SinkError: the disk refuses.
    """
    _require_free(output)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    except OSError as error:
        raise _refused(output, error) from error
    try:
        yield BagWriter(folder)
        if output.suffix == SUFFIX:
            _pack(folder, output)
        else:
            _make_folders_durable(folder)
            _require_free(output)
            folder.rename(output)
        fsync_folder(output.parent)
    except OSError as error:
        raise _refused(output, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # not there any more when all went well


def _pack(folder: Path, output: Path) -> None:
    with tempfile.NamedTemporaryFile(prefix=f".{output.name}.", dir=output.parent, delete=False) as file:
        try:
            write_zip(folder, file, output.stem)
            file.flush()
            os.fsync(file.fileno())
            _require_free(output)
            Path(file.name).rename(output)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _require_free(output: Path) -> None:
    if os.path.lexists(output):
        raise UsageError(f"{output} exists already", hint="a bag is never written over: name another --output")


def _refused(output: Path, error: OSError) -> SinkError:
    return SinkError(f"cannot write the bag {output}: {error.strerror or error}", hint="nothing was left of it")


def _make_folders_durable(folder: Path) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        fsync_folder(Path(path))
