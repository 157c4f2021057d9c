"""Where the files of the table lie: in the lake, or in a bucket that they are copied to."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from detector.errors import UsageError
from detector.lake.disk import disk_errors, fsync_folder
from detector.lake.place import LakePlace, lake_at
from detector.lake_layout import is_part_key
from detector.publish.address import CatalogKind
from detector.publish.bucket import open_bucket
from detector.publish.table_files import SHOWN, require_undamaged, write_shown

if TYPE_CHECKING:
    from detector.publish.address import TableAddress
    from detector.publish.table_files import TableFile
    from detector.sources.aws_options import AwsOptions

# What no engine reads in another way than it was written.
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._=,+@/-]+")


class Place(Protocol):
    """Where the files of a table lie."""

    @property
    def location(self) -> str:
        """The URI of the folder with what Iceberg itself writes."""

    @property
    def io_properties(self) -> Mapping[str, str]:
        """The way to reach it, as pyiceberg's FileIO takes it."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders that files of the table may lie in, as URIs; whatever a table says, no others are touched."""

    def uri(self, file: TableFile) -> str:
        """Return where a file lies, or will."""

    def is_ours(self, uri: str) -> bool:
        """Tell whether a file may have been put there by this program."""

    def bring(self, files: Iterable[TableFile]) -> None:
        """See to it that the files are there, whole."""


def open_place(lake: LakePlace, address: TableAddress, to: str | None, options: AwsOptions) -> Place:
    """Return the place for a lake and a table; the one function that knows where parts can lie.

    Args:
        lake: of a folder, the resolved path.
        address: of the table.
        to: `s3://BUCKET/PREFIX`; None: the table points at the files of a lake on this machine.
        options: the way to AWS.

    Raises:
        UsageError: other machines would be pointed at files of this one, engines read a path differently, or the table
            would lie within the lake.
        CredentialsError: AWS refuses them.
        TableError: there is no such bucket.
    """
    if address.kind is CatalogKind.SQLITE:
        _require_plain(Path(address.place).resolve())
    if to is not None:
        _require_apart(lake, to)
        return open_bucket(lake, to, options)
    if lake.is_elsewhere:
        raise UsageError(
            f"the table of {lake} needs a place of its own",
            hint="engines remove files that a table does not name; copy the parts: --to s3://BUCKET/PREFIX",
        )
    if address.kind is not CatalogKind.SQLITE:
        raise UsageError(
            f"--table {address} is read by other machines, and the lake lies on this one",
            hint="copy its parts to where they can be read: --to s3://BUCKET/PREFIX",
        )
    folder = Path(address.place).resolve().parent / address.name
    _require_plain(lake.directory)
    return LakeFolder(lake.directory, folder)


def _require_apart(lake: LakePlace, to: str) -> None:
    """Refuse a table and a lake of which one lies within the other: an engine would take the lake for its orphans."""
    table, own = (f"{name.rstrip('/')}/" for name in (to, lake.full_name))
    if table.startswith(own) or own.startswith(table):
        raise UsageError(
            f"--to {to} and the lake {lake} lie within each other",
            hint="an engine that tidies up the table would remove the lake; name a prefix beside the lake",
        )


def _require_plain(path: Path) -> None:
    if not _PLAIN_PATH.fullmatch(str(path)):
        raise UsageError(
            f"{path} has characters that engines read differently in a URI",
            hint="use folders of a-z, A-Z, 0-9, . _ - only",
        )


@dataclass(frozen=True, slots=True)
class LakeFolder:
    """The table points at the parts of a lake on this machine."""

    lake: Path
    folder: Path  # of the table

    @property
    def location(self) -> str:
        """The folder of the table."""
        return f"file://{self.folder}"

    @property
    def io_properties(self) -> Mapping[str, str]:
        """None are needed."""
        return {}

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders of the table and of the lake."""
        return self.location, f"file://{self.lake}"

    def uri(self, file: TableFile) -> str:
        """Return the URI of the part, or of what is shown of it, which lies with the table."""
        return f"file://{(self.lake if file.hidden is None else self.folder) / file.path}"

    def is_ours(self, uri: str) -> bool:
        """Tell whether a file is a part of the lake, or what was shown of one."""
        return (uri.startswith(f"file://{self.lake}/") and is_part_key(uri)) or uri.startswith(
            f"{self.location}/{SHOWN}/"
        )

    def bring(self, files: Iterable[TableFile]) -> None:
        """Write what is shown of parts that hold hidden rows.

        Raises:
            LakeError: a part is damaged, or the disk refuses.
        """
        for file in files:
            require_undamaged(lake_at(self.lake), file)
            target = self.folder / file.path
            if file.hidden is not None and not target.exists():
                with disk_errors(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with tempfile.TemporaryDirectory(dir=self.folder) as staging:
                        write_shown(self.lake, file, Path(staging)).rename(target)
                    fsync_folder(target.parent)
