"""The metadata block at the beginning of a SQL file.

It follows PEP 723's inline-metadata form with SQL's comment marker; between the markers is TOML:

    -- /// rule
    -- title = "…"
    -- ///
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeVar

_BLOCK = re.compile(r"\A-- /// (?P<kind>[a-z]+)\n(?P<toml>(?:--(?: .*)?\n)+?)-- ///\n(?P<sql>.*)\Z", re.DOTALL)
_T = TypeVar("_T")


def split_block(text: str, kind: str) -> tuple[Metadata, str] | None:
    """Return the metadata and the SQL of a file; None when it does not begin with a block of this kind.

    Raises:
        ValueError: the block is not TOML.
    """
    match = _BLOCK.match(text)
    if match is None or match["kind"] != kind:
        return None
    return Metadata(tomllib.loads("\n".join(line[3:] for line in match["toml"].splitlines()))), match["sql"]


class Metadata:
    """The metadata not yet used."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def pop(self, key: str, kind: type[_T], *, default: _T | None = None) -> _T:
        """Return a value and take it out.

        Raises:
            ValueError: it is missing without a default, or of another type.
        """
        value = self._values.pop(key, default)
        if value is None:
            raise ValueError(f"missing key {key!r}")
        if not isinstance(value, kind):
            raise ValueError(f"{key!r} is not a {kind.__name__}")  # noqa: TRY004 - the file is wrong, not the call
        return value

    def text(self, key: str) -> str:
        """Return a text that is not empty, and take it out."""
        value = self.pop(key, str).strip()
        if not value:
            raise ValueError(f"{key!r} is empty")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, and take it out."""
        values = self.pop(key, list)
        if not all(isinstance(value, str) for value in values):
            raise ValueError(f"{key!r} is not a list of strings")
        return tuple(values)

    def require_empty(self) -> None:
        """Refuse what nobody has asked for.

        Raises:
            ValueError: there is such a key.
        """
        if self._values:
            raise ValueError(f"unknown key {min(self._values)!r}")
