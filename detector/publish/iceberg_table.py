"""The table: made, looked at, and changed by one snapshot at a time.

Source: "Iceberg Table Spec", Apache Iceberg, versions 1 and 2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile, ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _ManifestMergeManager, _OverwriteFiles
from pyiceberg.transforms import DayTransform

from detector.errors import TableError
from detector.records.schema import EVENT_TIME, EVENTS

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table, Transaction
    from pyiceberg.table.metadata import TableMetadata

    from detector.publish.address import TableAddress

PARTITION: Final = "event_date"
LAKE: Final = "detector.lake"  # the property that says which lake the table is of
_LOCATIONS: Final = "write.py-location-provider.impl"  # a class to import
_NAME_MAPPING: Final = "schema.name-mapping.default"
_TELLING: Final = ("recipientAccountId", "awsRegion", "eventSource", "eventName", "userIdentity.type")
_PROPERTIES: Final = {
    "format-version": "2",
    # pyiceberg repeats a refused commit by itself, on top of what somebody else has added meanwhile: rows twice.
    "commit.retry.num-retries": "0",
    # Old metadata, one file for each publication, are removed by the next ones.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # Smallest and largest values only of columns that rule out a file; others are a longer list for every reader.
    "write.metadata.metrics.default": "none",
    **{f"write.metadata.metrics.column.{name}": "truncate(32)" for name in _TELLING},
    f"write.metadata.metrics.column.{EVENT_TIME}": "full",
}
_READERS: Final = 8  # of footers, at once
_MANIFEST_BYTES: Final = 8 << 20
_MOST_MANIFESTS: Final = 50  # beside large ones; then they are put together


@dataclass(frozen=True, slots=True)
class Content:
    """The files that a table has now."""

    files: Mapping[str, DataFile]  # by URI
    altered: frozenset[str]  # those of which rows were deleted, or that are in it more than once

    @property
    def rows(self) -> int:
        """Of all files."""
        return sum(file.record_count for file in self.files.values())


def load_table(catalog: Catalog, address: TableAddress) -> Table | None:
    """Return the table, or None when there is none.

    Raises:
        TableError: there is one under its name that this program has not made, or that was given other partitions.
    """
    try:
        table = catalog.load_table((address.namespace, address.table))
    except NoSuchTableError as error:
        if type(error) is not NoSuchTableError:  # there is one, of another kind
            raise
        return None
    fields = [(table.schema().find_column_name(one.source_id), one.transform) for one in table.spec().fields]
    if LAKE not in table.properties or _LOCATIONS in table.properties or fields != [(EVENT_TIME, DayTransform())]:
        raise TableError(
            f"{address} was not made by `detector publish`, or was altered since",
            hint="name another table, or drop this one; the files of the lake stay as they are",
        )
    return table


def create_table(catalog: Catalog, address: TableAddress, location: str, lake: str) -> None:
    """Create the table, without any rows.

    In one commit: killed between two, it would leave a table without partitions.
    """
    with catalog.create_table_transaction(
        (address.namespace, address.table), schema=EVENTS, location=location, properties={**_PROPERTIES, LAKE: lake}
    ) as transaction:
        with transaction.update_spec() as spec:
            spec.add_field(EVENT_TIME, DayTransform(), PARTITION)
        _map_names(transaction)


def content_of(table: Table) -> Content:
    """Return the files of the current snapshot."""
    files: dict[str, DataFile] = {}
    altered = set()
    for task in table.scan().plan_files() if table.current_snapshot() else ():
        if task.delete_files or task.file.file_path in files:
            altered.add(task.file.file_path)
        files[task.file.file_path] = task.file
    return Content(files, frozenset(altered))


def commit_snapshot(
    table: Table, lake: str, added: Iterable[str], several_days: Collection[str], gone: Iterable[DataFile]
) -> None:
    """Add files and remove others, in one snapshot.

    Args:
        table: as it was loaded; if it has changed since, nothing is done.
        lake: that it is of.
        added: URIs.
        several_days: those of `added` that are of no single day.
        gone: files of the current snapshot.

    Raises:
        CommitFailedException: the table has changed.
    """
    with table.transaction() as transaction:
        if table.properties.get(LAKE) != lake:
            transaction.set_properties({LAKE: lake})
        with transaction.update_schema() as update:
            update.union_by_name(EVENTS)  # structs may have gained members
        _map_names(transaction)
        files = _data_files(table, transaction.table_metadata, added, several_days)
        snapshot = _OneSnapshot(Operation.OVERWRITE, transaction, table.io)
        for file in files:
            snapshot.append_data_file(file)
        for file in gone:
            snapshot.delete_data_file(file)
        snapshot.commit()


def _map_names(transaction: Transaction) -> None:
    """Let columns of files be known by their names: parts have no numbers of Iceberg's."""
    mapping = transaction.table_metadata.schema().name_mapping.model_dump_json()
    if transaction.table_metadata.properties.get(_NAME_MAPPING) != mapping:
        transaction.set_properties({_NAME_MAPPING: mapping})


def _data_files(
    table: Table, metadata: TableMetadata, uris: Iterable[str], several_days: Collection[str]
) -> list[DataFile]:
    """Return files as a manifest lists them, with the statistics of their footers."""
    # The first of a table's specs has no partitions: readers take such files by their smallest and largest times.
    unpartitioned = next(spec.spec_id for spec in metadata.partition_specs if not spec.fields)
    of_no_day = metadata.model_copy(update={"default_spec_id": unpartitioned})

    def data_file(uri: str) -> DataFile:
        form = of_no_day if uri in several_days else metadata
        file = parquet_file_to_data_file(table.io, form, uri)
        file.spec_id = form.default_spec_id
        return file

    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(data_file, uris))


class _OneSnapshot(_OverwriteFiles):
    """A snapshot that adds and removes files, also of specs that are not the table's current one.

    The methods are those of pyiceberg 0.12, within itself; the extra `iceberg` is pinned to it.
    """

    def _refresh_for_retry(self) -> None:
        raise CommitFailedException("the table has changed")  # what to add has to be decided anew

    def _manifests(self) -> list[ManifestFile]:
        added = self._added_data_files
        default = self._transaction.table_metadata.default_spec_id
        others = [file for file in added if file.spec_id != default]
        self._added_data_files = [file for file in added if file.spec_id == default]
        try:
            manifests = super()._manifests()
        finally:
            self._added_data_files = added
        return [*self._manifests_of(others), *manifests]

    def _manifests_of(self, files: Collection[DataFile]) -> list[ManifestFile]:
        manifests = []
        for spec_id in sorted({file.spec_id for file in files}):
            with self.new_manifest_writer(self.spec(spec_id)) as writer:
                for file in files:
                    if file.spec_id == spec_id:
                        writer.add(_added_entry(file, self.snapshot_id))
            manifests.append(writer.to_manifest_file())
        return manifests

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        """Put the small manifests of many publications together."""
        merging: Any = _ManifestMergeManager(
            _MANIFEST_BYTES, _MOST_MANIFESTS, merge_enabled=True, snapshot_producer=self
        )
        merged: list[ManifestFile] = merging.merge_manifests(manifests)
        return merged


def _added_entry(file: DataFile, snapshot_id: int) -> ManifestEntry:
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.ADDED,
        snapshot_id=snapshot_id,
        sequence_number=None,
        file_sequence_number=None,
        data_file=file,
    )
