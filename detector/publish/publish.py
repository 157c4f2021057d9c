"""Publishing: a table becomes equal to what readers of a lake see, in one snapshot.

The ledger stays the truth, and says nothing of tables: so there is no commit to two places, and it does no harm to
publish twice, to be killed, to publish side by side, or to begin a new table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.backoff import Backoff
from detector.errors import LakeError, TableError
from detector.lake.place import LakePlace, lake_at
from detector.lake_layout import SEVERAL_DAYS
from detector.publish.catalog import Outdone, open_catalog
from detector.publish.iceberg_table import LAKE, commit_snapshot, content_of, create_table, load_table
from detector.publish.place import open_place
from detector.publish.table_files import TableFile, table_files

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from detector.publish.address import TableAddress
    from detector.publish.iceberg_table import Content
    from detector.publish.place import Place
    from detector.sources.aws_options import AwsOptions

_TRIES: Final = 5
_BACKOFF: Final = Backoff(first_seconds=0.5, longest_seconds=8)


@dataclass(frozen=True, slots=True)
class Publication:
    """The table as it is, and what has changed."""

    files: int
    rows: int
    added: int  # files
    removed: int


@dataclass(frozen=True, slots=True)
class Publisher:
    """What is published where."""

    lake: LakePlace
    address: TableAddress
    place: Place
    replaces: bool  # what is in the table and not of the lake goes

    @property
    def lake_digest(self) -> str:
        """Tells one lake from another, without saying on whose machine it lies."""
        return sha256(self.lake.full_name.encode()).hexdigest()[:16]


def publish(
    lake: Path | LakePlace, address: TableAddress, to: str | None, options: AwsOptions, *, replaces: bool = False
) -> Publication:
    """Make a table equal to a lake; it is created when it is not there.

    Args:
        lake: with a ledger.
        address: of the table.
        to: `s3://BUCKET/PREFIX`, where parts are copied to; None: the table points at those of a lake on this machine.
        options: the way to AWS.
        replaces: also when the table is of another lake, or holds what others have put there.

    Raises:
        LakeError: the lake cannot be read; the table is as it was.
        TableError: the table cannot be read or changed, or was changed by others each time.
        CredentialsError: AWS refuses the credentials.
        UsageError: table and place do not go together.
    """
    place = lake_at(lake)
    if not place.is_elsewhere:
        place = lake_at(place.directory.resolve())
    publisher = Publisher(place, address, open_place(place, address, to, options), replaces)
    for failures in range(1, _TRIES + 1):
        try:
            with open_catalog(address, publisher.place, options) as catalog:
                return _publish_once(publisher, catalog)
        except Outdone:
            time.sleep(_BACKOFF.seconds(failures))
    raise TableError(
        f"{address} was changed by somebody else {_TRIES} times while this program was at it",
        hint="nothing was changed; run the same command again when no other one publishes",
    )


def _publish_once(publisher: Publisher, catalog: Catalog) -> Publication:
    """Change the table from what it is to what the lake is.

    The table is looked at before the lake: so a snapshot that is refused for none before it is never of an earlier
    lake than that one.
    """
    table = load_table(catalog, publisher.address)
    if table is None:
        create_table(catalog, publisher.address, publisher.place.location, publisher.lake_digest)
        table = catalog.load_table((publisher.address.namespace, publisher.address.table))
    content = content_of(table)
    foreign = _foreign_files(publisher, table, content)
    files = _bring_new(publisher, lambda uri: uri not in content.files)
    standing = content.files.keys() & files.keys() - foreign
    added = sorted(files.keys() - standing)
    gone = [file for uri, file in content.files.items() if uri not in standing]
    if added or gone or table.properties.get(LAKE) != publisher.lake_digest:
        several_days = {uri for uri in added if files[uri].part.event_date == SEVERAL_DAYS}
        commit_snapshot(table, publisher.lake_digest, added, several_days, gone)
    return Publication(len(files), sum(file.rows for file in files.values()), len(added), len(gone))


def _foreign_files(publisher: Publisher, table: Table, content: Content) -> set[str]:
    """Return the files of a table that this program has not put there, or that others have deleted rows of.

    Raises:
        TableError: there are some, or the table is of another lake, and nobody said that they may go.
    """
    if table.location() != publisher.place.location:
        raise TableError(
            f"{publisher.address} lies at {table.location()}, not at {publisher.place.location}",
            hint="give the place that it was made at with --to, or name another table",
        )
    foreign = {uri for uri in content.files if not publisher.place.is_ours(uri)} | content.altered
    if foreign and not publisher.replaces:
        raise TableError(
            f"{publisher.address} holds what is not of the lake, such as {min(foreign)}",
            hint="has another program written to it? --replace makes it equal to the lake again",
        )
    if table.properties.get(LAKE) != publisher.lake_digest and not publisher.replaces:
        raise TableError(
            f"{publisher.address} was published from another lake, or this one was moved",
            hint="--replace makes it equal to this lake",
        )
    return foreign


def _bring_new(publisher: Publisher, is_new: Callable[[str], bool]) -> dict[str, TableFile]:
    """Return the files that the lake has now, by URI; those that are new are in their place.

    Raises:
        LakeError: a part cannot be read.
    """
    files = table_files(publisher.lake)
    while True:
        by_uri = {publisher.place.uri(file): file for file in files}
        try:
            publisher.place.bring(file for uri, file in by_uri.items() if is_new(uri))
        except LakeError:
            before, files = files, table_files(publisher.lake)
            if files == before:
                raise
        else:
            return by_uri
