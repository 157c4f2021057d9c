"""What a request has that must not be shown, and what a server says without it: many repeat the path in an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from urllib.parse import SplitResult, quote, unquote, unquote_plus

_LEAST_CHARACTERS = 4  # a shorter piece is a part of most words, and no secret
_BEGINNING = 8  # so many characters of a secret that is cut short are taken for it
_BLANK = "…"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Texts that are blanked, the longest first."""

    pieces: tuple[str, ...] = field(repr=False, default=())

    @classmethod
    def of(cls, parts: SplitResult, *others: str) -> Secrets:
        """Return path and query of a URL, whole and in pieces, and other texts, in all manners of writing them."""
        written = {form for piece in (*_pieces_of(parts), *others) for form in _forms(piece)}
        return cls(tuple(sorted((one for one in written if len(one) >= _LEAST_CHARACTERS), key=_longest_first)))

    def blank(self, text: str) -> str:
        """Return a text without them, however letters are cased, and without what is left of one that was cut short."""
        # Whole ones first: what another manner of writing begins with would leave the end of this one.
        for piece in self.pieces:
            text = re.sub(re.escape(piece), _BLANK, text, flags=re.IGNORECASE)
        for piece in self.pieces:
            text = _without_beginning(text, piece)
        return text


def _longest_first(piece: str) -> tuple[int, str]:
    return -len(piece), piece


def _pieces_of(parts: SplitResult) -> Iterator[str]:
    path, query = parts.path, parts.query
    yield f"{path}?{query}" if query else path
    yield from (path, query)
    yield from path.split("/")
    for word in query.split("&"):
        yield word.partition("=")[2] or word


def _forms(piece: str) -> Iterable[str]:
    plain = (piece, unquote(piece), unquote_plus(piece), quote(piece, safe=""), quote(piece))
    return [form for one in plain for form in (one, escape(one), one.replace("/", "\\/"))]


def _without_beginning(text: str, piece: str) -> str:
    beginning = piece[:_BEGINNING]
    if len(beginning) < _BEGINNING:
        return text
    kept, start = "", 0
    while (found := text.find(beginning, start)) >= 0:
        kept += text[start:found] + _BLANK
        start = found + next(n for n in range(len(piece), 0, -1) if text.startswith(piece[:n], found))
    return kept + text[start:]


NO_SECRETS = Secrets()
