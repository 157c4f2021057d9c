"""The address of a table: in which catalogue it is, and under which name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from detector.alerts.sinks.loopback import is_this_machine
from detector.errors import UsageError

_FORMS: Final = "glue:DATABASE.TABLE, rest:https://HOST/PATH/NAMESPACE.TABLE or sqlite:FILE/NAMESPACE.TABLE"
# Athena and Glue take lower case only; the other catalogues take these as well.
_NAME: Final = re.compile(r"[a-z0-9_]{1,255}")


class CatalogKind(StrEnum):
    """What keeps the name of a table, and where it stands."""

    GLUE = "glue"
    REST = "rest"
    SQLITE = "sqlite"


@dataclass(frozen=True, slots=True)
class TableAddress:
    """A table by its name in a catalogue."""

    kind: CatalogKind
    place: str  # a URI, or the path of a file; empty for Glue
    namespace: str
    table: str

    @property
    def name(self) -> str:
        """Namespace and table."""
        return f"{self.namespace}.{self.table}"

    def __str__(self) -> str:
        """Return what `parse_address` takes."""
        return f"{self.kind}:{self.place}/{self.name}" if self.place else f"{self.kind}:{self.name}"


def parse_address(text: str) -> TableAddress:
    """Return the address that `--table` gives.

    Raises:
        UsageError: it is none, or would send a secret in the clear.
    """
    kind, _, rest = text.partition(":")
    if kind not in {*CatalogKind}:
        raise UsageError(f"--table {text} names no catalogue", hint=f"write {_FORMS}")
    place, _, name = rest.rpartition("/")
    namespace, _, table = name.partition(".")
    if not (_NAME.fullmatch(namespace) and _NAME.fullmatch(table)):
        raise UsageError(
            f"--table {text} does not end in NAMESPACE.TABLE",
            hint=f"of each only a-z, 0-9 and _, as Athena wants it; write {_FORMS}",
        )
    address = TableAddress(CatalogKind(kind), place, namespace, table)
    if (address.kind is CatalogKind.GLUE) is bool(place):
        raise UsageError(f"--table {text} is no address of a table", hint=f"write {_FORMS}")
    if address.kind is CatalogKind.REST:
        _require_uri(place)
    return address


def _require_uri(text: str) -> None:
    try:
        uri = urlsplit(text)
        host = uri.hostname or ""
    except ValueError:
        host = ""
    if not host or uri.scheme not in ("http", "https") or uri.query or uri.fragment:
        raise UsageError("rest: is not followed by the URI of a catalogue", hint=f"write {_FORMS}")
    if "@" in uri.netloc:
        raise UsageError(
            "the URI of the catalogue holds a password",
            hint="set DETECTOR_ICEBERG_TOKEN or DETECTOR_ICEBERG_CREDENTIAL",
        )
    if uri.scheme == "http" and not is_this_machine(host):
        raise UsageError(f"http://{host} would get secrets in the clear", hint="write https://")
