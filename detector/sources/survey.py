"""What lies in a source, counted or estimated, before anything is read. Pure.

A year of an organisation has millions of objects: of those only some days are listed, and the rest is estimated.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final

from detector.sources.keys import Place, parse_folder, parse_key
from detector.sources.log_source import Listed, LogObject, Skipped, Storage, Unreadable

_KEPT: Final = 1_000  # refusals by name
_PLACES: Final = 10_000  # accounts and regions of which the newest object is kept
_KINDS: Final = 200  # in which objects are kept
_UNKNOWN: Final = Storage()


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, and how far it may be off: two standard errors; 0 when it was counted."""

    value: float = 0
    error: float = 0

    def __add__(self, other: Amount) -> Amount:
        """Return the sum of two numbers whose errors have nothing to do with each other."""
        return Amount(self.value + other.value, math.hypot(self.error, other.error))


@dataclass(slots=True)
class Survey:
    """What is known of a source."""

    days: dict[tuple[str | None, str | None], tuple[date, date] | None] = field(default_factory=dict)  # of log files
    digest_days: dict[tuple[str | None, str | None], tuple[date, date] | None] = field(default_factory=dict)
    layouts: set[str] = field(default_factory=set)
    stored_objects: Counter[Storage] = field(default_factory=Counter)  # of those that were named one by one
    stored_bytes: Counter[Storage] = field(default_factory=Counter)
    objects: Amount = field(default_factory=Amount)
    size_bytes: Amount = field(default_factory=Amount)
    sample: list[LogObject] = field(default_factory=list)  # of log files that were named
    digest: LogObject | None = None  # one of them
    unreadable: list[Unreadable] = field(default_factory=list)  # prefixes and objects that the listing met
    others: Counter[str] = field(default_factory=Counter)  # reason → what else lies there
    counted_days: int = 0
    all_days: int = 0  # of accounts and regions; 0: everything was counted
    folders: int = 0  # of regions
    folders_seen: int = 0  # whose first and last day are known
    unseen: int = 0  # folders that were not looked at, and may hold any number of regions
    requests: int = 0  # for listing
    list_seconds: float = 0

    @property
    def is_estimated(self) -> bool:
        """True when not every object was counted."""
        return self.counted_days < self.all_days

    def note_place(self, uri: str) -> Place:
        """Remember where an object or a folder lies, and its day when the name says one; return the place."""
        place = parse_key(uri)
        if place.kind != "CloudTrail-Digest":
            self.layouts.add(layout_of(uri))
        if place.first_day and place.first_day == place.last_day:
            self._note(place, place.first_day, place.first_day)
        else:
            self._of_kind(place).setdefault((place.account, place.region), None)
        return place

    def note_storage(self, one: LogObject) -> None:
        """Remember how a log file is kept."""
        storage = one.storage or _UNKNOWN
        if len(self.stored_objects) >= _KINDS and storage not in self.stored_objects:
            storage = _UNKNOWN  # S3 has a dozen classes: these are somebody's words
        self.stored_objects[storage] += 1
        self.stored_bytes[storage] += one.size_bytes

    def note_days(self, folder: str, first: date, last: date) -> None:
        """Remember from when to when there is something in a folder."""
        self._note(parse_folder(folder), first, last)

    def _note(self, place: Place, first: date, last: date) -> None:
        known = self._of_kind(place)
        before = known.get((place.account, place.region)) or (first, last)
        known[place.account, place.region] = (min(first, before[0]), max(last, before[1]))

    def _of_kind(self, place: Place) -> dict[tuple[str | None, str | None], tuple[date, date] | None]:
        return self.digest_days if place.kind == "CloudTrail-Digest" else self.days

    def note_unreadable(self, one: Unreadable) -> None:
        """Remember a refusal."""
        if len(self.unreadable) < _KEPT:
            self.unreadable.append(one)


def survey_listed(found: Iterable[Listed], survey: Survey, most: int | None) -> bool:
    """Count what a listing names.

    Args:
        found: what `LogSource.list` yields.
        survey: gains it.
        most: names of a listing that is to end, of more nothing is concluded; None: it ends in any case.

    Returns:
        Whether the listing came to its end.
    """
    count = size_bytes = 0
    sample = Sample()
    for number, one in enumerate(found, 1):
        if most is not None and number > most:
            return False
        if isinstance(one, LogObject):
            count += 1
            size_bytes += one.size_bytes
            survey.note_storage(one)
            sample.add(one, survey.note_place(one.uri))
        elif isinstance(one, Unreadable):
            survey.note_unreadable(one)
        elif isinstance(one, Skipped) and one.digest is not None:
            survey.digest = one.digest
            survey.note_place(one.uri)
        else:
            survey.others[one.reason] += 1
    survey.objects, survey.size_bytes = Amount(count), Amount(size_bytes)
    survey.sample = sample.chosen()
    return True


@dataclass(slots=True)
class Sample:
    """Of objects that come one by one, however many: the newest of each account and region, then evenly spread ones."""

    most: int = 64
    _newest: dict[tuple[str | None, str | None], LogObject] = field(default_factory=dict)
    _spread: list[LogObject] = field(default_factory=list)
    _seen: int = 0
    _each: int = 1  # one of so many is spread

    def add(self, one: LogObject, place: Place) -> None:
        """Take notice of an object, and where it lies."""
        where = place.account, place.region
        known = self._newest.get(where)
        if known is None:
            if len(self._newest) < _PLACES:
                self._newest[where] = one
        elif one.uri > known.uri:
            self._newest[where] = one
        if self._seen % self._each == 0:
            self._spread.append(one)
            if len(self._spread) == 2 * self.most:
                self._spread = self._spread[::2]
                self._each *= 2
        self._seen += 1

    def chosen(self) -> list[LogObject]:
        """Return at most so many of them, each once."""
        chosen = {one.uri: one for one in list(self._newest.values())[: self.most]}
        room = self.most - len(chosen)
        # Rounded up: the last ones count as much as the first.
        chosen |= {one.uri: one for one in self._spread[:: max(1, -(-len(self._spread) // room))]} if room else {}
        return list(chosen.values())


def one_of_each_place(objects: Iterable[LogObject]) -> list[LogObject]:
    """Return a sample of objects."""
    sample = Sample()
    for one in objects:
        sample.add(one, parse_key(one.uri))
    return sample.chosen()


def estimate(strata: Sequence[tuple[int, Sequence[float]]]) -> Amount:
    """Return a total from random samples without replacement.

    Args:
        strata: of each part its size, and the values of those that were looked at, at least one.

    Source: W. G. Cochran, "Sampling Techniques" (3rd ed., 1977), 5.3: stratified random sampling.
    """
    total = variance = 0.0
    for size, values in strata:
        mean = sum(values) / len(values)
        total += size * mean
        if len(values) < size:
            # Of a single value nothing is known of the spread: as if it were as large as the value.
            spread = sum((value - mean) ** 2 for value in values) / (len(values) - 1) if len(values) > 1 else mean**2
            variance += size**2 * (1 - len(values) / size) * spread / len(values)
    return Amount(total, 2 * math.sqrt(variance))


def layout_of(uri: str) -> str:
    """Return in which layout an object or folder lies."""
    return _layout_of_folder(uri.rpartition("/")[0])


@lru_cache(maxsize=8192)
def _layout_of_folder(folder: str) -> str:
    segments = [*folder.split("/"), ""]
    place = parse_folder(folder)
    if place.account is None or place.region is None or place.kind is None:
        return "other folders"
    if "AWSLogs" not in segments:
        return "ACCOUNT/CloudTrail/REGION, without AWSLogs"
    after = segments[len(segments) - 1 - segments[::-1].index("AWSLogs") + 1]
    return "an organisation's trail" if after.startswith("o-") else "trails of accounts"
