"""The catalogue of a table, opened so that this program alone decides how files are reached."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyiceberg.exceptions
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    NoSuchNamespaceError,
    TableAlreadyExistsError,
)
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from requests import RequestException
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from detector.errors import TableError, UsageError
from detector.publish.address import CatalogKind
from detector.sources.aws_errors import denial_reason, error_code, refusal
from detector.sources.aws_session import open_session
from detector.text import one_line

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.io import FileIO, InputFile, OutputFile

    from detector.publish.address import TableAddress
    from detector.publish.place import Place
    from detector.sources.aws_options import AwsOptions

_NAME: Final = "detector"  # of the catalogue, within a file of SQLite; readers give the same
# What a catalogue of the REST kind may say about files: the credentials that it lends for them.
_LENT: Final = ("s3.access-key-id", "s3.secret-access-key", "s3.session-token")
_OUTDONE: Final = (CommitFailedException, CommitStateUnknownException, TableAlreadyExistsError)
_SQLITE_OUTDONE: Final = ("database is locked", "already exists")
_ERRORS: Final[tuple[type[Exception], ...]] = (
    *(one for one in vars(pyiceberg.exceptions).values() if isinstance(one, type) and issubclass(one, Exception)),
    *(RequestException, SQLAlchemyError, OSError),
    *(ValueError, KeyError, TypeError),  # of metadata that cannot be: they are somebody else's words
)
_PERMISSIONS: Final = "docs/guide/share-the-lake.md lists the permissions that publishing needs"
_HINT: Final = "the table is as it was; if it was not made by this program, name another one"
_REST_VARIABLES: Final = {
    "DETECTOR_ICEBERG_TOKEN": "token",
    "DETECTOR_ICEBERG_CREDENTIAL": "credential",
    "DETECTOR_ICEBERG_WAREHOUSE": "warehouse",
}


@contextmanager
def open_catalog(address: TableAddress, place: Place, options: AwsOptions) -> Iterator[Catalog]:
    """Open the catalogue of a table.

    Args:
        address: of the table.
        place: of its files.
        options: the way to AWS.

    Raises:
        UsageError: there is no folder for the file of the catalogue.
        TableError: the catalogue does not answer, or refuses.
        CredentialsError: AWS refuses the credentials.
        Outdone: within the block, the table turned out to be another one than was looked at.
    """
    logging.getLogger("pyiceberg").setLevel(logging.CRITICAL)  # it repeats what tables say of themselves
    with _table_errors(address, options):
        catalog = _OPENERS[address.kind](address, place, options)
        try:
            yield catalog
        finally:
            catalog.close()


def _open_sqlite(address: TableAddress, place: Place, _options: AwsOptions) -> Catalog:
    from pyiceberg.catalog.sql import SqlCatalog

    class Sqlite(SqlCatalog):
        def _load_file_io(self, *_: object, **__: object) -> FileIO:
            return _Files(place.roots, place.io_properties)

    path = Path(address.place).resolve()
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint="make it, or name another file behind sqlite:")
    catalog = Sqlite(_NAME, uri=f"sqlite:///{path}", **place.io_properties)
    catalog.create_namespace_if_not_exists(address.namespace)
    return catalog


def _open_glue(_address: TableAddress, place: Place, options: AwsOptions) -> Catalog:
    from pyiceberg.catalog.glue import GlueCatalog

    class Glue(GlueCatalog):
        def _load_file_io(self, *_: object, **__: object) -> FileIO:
            return _Files(place.roots, place.io_properties)

    return Glue(_NAME, client=open_session(options).client("glue"), **place.io_properties)


def _open_rest(address: TableAddress, place: Place, _options: AwsOptions) -> Catalog:
    from pyiceberg.catalog.rest import RestCatalog

    class Rest(RestCatalog):
        def _load_file_io(self, properties: Mapping[str, str] | None = None, *_: object, **__: object) -> FileIO:
            lent = {name: value for name, value in (properties or {}).items() if name in _LENT}
            if not lent:
                return _Files(place.roots, place.io_properties)
            # A key goes with its own secret and token.
            own = {name: value for name, value in place.io_properties.items() if name not in _LENT}
            return _Files(place.roots, own | lent)

    given = {name: os.environ[variable] for variable, name in _REST_VARIABLES.items() if os.environ.get(variable)}
    return Rest(_NAME, uri=address.place, **given)


_OPENERS: Final[Mapping[CatalogKind, Any]] = {
    CatalogKind.SQLITE: _open_sqlite,
    CatalogKind.GLUE: _open_glue,
    CatalogKind.REST: _open_rest,
}


class _Files(PyArrowFileIO):
    """Files in some folders only, reached as this program says.

    A table names files to read, to write and to remove, a server to ask for them, and classes to import: these are the
    words of whoever may write to it.
    """

    def __init__(self, roots: tuple[str, ...], properties: Mapping[str, str]) -> None:
        super().__init__(dict(properties))
        self._roots = roots

    def new_input(self, location: str) -> PyArrowFile:
        return super().new_input(self._within(location))

    def new_output(self, location: str) -> PyArrowFile:
        return super().new_output(self._within(location))

    def delete(self, location: str | InputFile | OutputFile) -> None:
        self._within(location if isinstance(location, str) else location.location)
        super().delete(location)

    def _within(self, location: str) -> str:
        is_within = any(location.startswith(f"{root}/") for root in self._roots)
        if not is_within or ".." in location.split("/"):
            raise TableError(
                f"the table names a file outside of {self._roots[0]}: {location}",
                hint="was it made at another place, with another --to? If not, somebody has altered it",
            )
        return location


class Outdone(Exception):  # noqa: N818 - a state, not a fault
    """Somebody else has changed the table, or nobody knows whether this program has: look at it anew."""


@contextmanager
def _table_errors(address: TableAddress, options: AwsOptions) -> Iterator[None]:
    """Turn what goes wrong about a table into a line for people."""
    try:
        yield
    except _OUTDONE as error:
        raise Outdone from error
    except OperationalError as error:
        if any(words in str(error) for words in _SQLITE_OUTDONE):
            raise Outdone from error
        raise TableError(f"{address}: {one_line(error.orig)}", hint=_HINT) from error
    except NoSuchNamespaceError as error:
        raise _no_namespace(address) from error
    except (BotoCoreError, ClientError) as error:
        if error_code(error) == "EntityNotFoundException":
            raise _no_namespace(address) from error
        operation = getattr(error, "operation_name", None)
        reason = denial_reason(error, f"glue:{operation}") if operation else one_line(error)
        raise refusal(error, options) or TableError(f"{address}: {reason}", hint=_PERMISSIONS) from error
    except _ERRORS as error:
        raise TableError(f"{address}: {type(error).__name__}: {one_line(error)}", hint=_HINT) from error


def _no_namespace(address: TableAddress) -> TableError:
    remedy = "make it first"
    if address.kind is CatalogKind.GLUE:
        remedy = f"""aws glue create-database --database-input '{{"Name":"{address.namespace}"}}'"""
    return TableError(f"{address}: there is no database {address.namespace}", hint=remedy)
