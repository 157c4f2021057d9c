"""What a bag says of itself that cannot be computed from its objects: what was asked, and what AWS answered about keys.

Whoever made the bag chose it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from detector.aws_regions import is_region
from detector.bundle import layout
from detector.bundle.facts import Contents
from detector.bundle.opened import OpenBag, Unfit
from detector.bundle.papers import STATEMENT_SCHEMA
from detector.errors import UsageError
from detector.times import as_utc
from detector.verify.keys import Span, joined_ring
from detector.verify.verdicts import Asked

_MAX_BYTES: Final = 64 << 20
_YEARS: Final = range(2000, 9000)  # with room for hours before and after
Answer = tuple[str, Span, Any]  # region, the time that was asked for, what ListPublicKeys said


class _Statement(msgspec.Struct):
    """The part of `statement.json` that checking needs."""

    schema: str
    contents: Contents
    since: datetime | None
    until: datetime
    asked_at: datetime


class _AskedFor(msgspec.Struct):
    """A time for which keys were asked."""

    StartTime: datetime
    EndTime: datetime


class _Keys(msgspec.Struct):
    """The keys of one region."""

    AskedFor: list[_AskedFor]
    PublicKeyList: list[Any]


def load_statement(bag: OpenBag) -> tuple[Contents, Asked]:
    """Return what a bag is meant to hold, and for which time.

    Raises:
        Unfit: it does not say.
    """
    try:
        statement = msgspec.json.decode(bag.read(layout.STATEMENT, _MAX_BYTES), type=_Statement)
        asked_at, until = as_utc(statement.asked_at), as_utc(statement.until)
        since = None if statement.since is None else as_utc(statement.since)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise Unfit(f"it does not say what was asked: {error}") from error
    if statement.schema != STATEMENT_SCHEMA:
        raise Unfit(f"its schema is not {STATEMENT_SCHEMA}")
    if any(moment.year not in _YEARS for moment in (asked_at, until, since) if moment):
        raise Unfit("a time in it can be none")
    return statement.contents, Asked(since, min(until, asked_at), asked_at)


def key_files(bag: OpenBag) -> dict[str, str]:
    """Return the paths of the files with keys, by region."""
    names = {path.removeprefix(layout.KEY_FOLDER).removesuffix(".json"): path for path in sorted(bag.files)}
    return {region: path for region, path in names.items() if path == layout.key_path(region) and is_region(region)}


def load_answers(bag: OpenBag, region: str) -> list[Answer]:
    """Return the answers about the keys of a region that a bag holds.

    Raises:
        Unfit: they are none.
    """
    try:
        document = msgspec.json.decode(bag.read(layout.key_path(region), _MAX_BYTES), type=_Keys)
        answer = {"PublicKeyList": document.PublicKeyList}
        answers = [(region, (as_utc(one.StartTime), as_utc(one.EndTime)), answer) for one in document.AskedFor]
        joined_ring(answers[:1])  # refuses what is none
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError, UsageError) as error:
        raise Unfit(f"no answer of ListPublicKeys: {error}") from error
    return answers
