"""What lies in a source, counted or estimated, before anything is read. Pure.

A year of an organisation has millions of objects: of those only some days are listed, and the rest is estimated.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from detector.sources.keys import Place, parse_folder, parse_key
from detector.sources.log_source import Listed, LogObject, Skipped, Unreadable

_KEPT: Final = 1_000  # refusals by name


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

    def note_place(self, uri: str) -> None:
        """Remember where an object or a folder lies, and its day when the name says one."""
        place = parse_key(uri)
        if place.kind != "CloudTrail-Digest":
            self.layouts.add(layout_of(uri))
        if place.first_day and place.first_day == place.last_day:
            self._note(place, place.first_day, place.first_day)
        else:
            self._of_kind(place).setdefault((place.account, place.region), None)

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
    objects: list[LogObject] = []
    size_bytes = 0
    for number, one in enumerate(found, 1):
        if most is not None and number > most:
            return False
        if isinstance(one, LogObject):
            objects.append(one)
            size_bytes += one.size_bytes
            survey.note_place(one.uri)
        elif isinstance(one, Unreadable):
            survey.note_unreadable(one)
        elif isinstance(one, Skipped) and one.digest is not None:
            survey.digest = one.digest
            survey.note_place(one.uri)
        else:
            survey.others[one.reason] += 1
    survey.objects, survey.size_bytes = Amount(len(objects)), Amount(size_bytes)
    survey.sample = one_of_each_place(objects)
    return True


def one_of_each_place(objects: Sequence[LogObject], most: int = 64) -> list[LogObject]:
    """Return the newest object of each account and region, and then others, evenly spread."""
    newest: dict[tuple[str | None, str | None], LogObject] = {}
    for one in objects:
        place = parse_key(one.uri)
        known = newest.get((place.account, place.region))
        if known is None or one.uri > known.uri:
            newest[place.account, place.region] = one
    chosen = {one.uri: one for one in list(newest.values())[:most]}
    for one in objects[:: max(1, len(objects) // most)]:
        if len(chosen) >= most:
            break
        chosen[one.uri] = one
    return list(chosen.values())


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
    segments = uri.split("/")
    place = parse_folder(uri.rpartition("/")[0])
    if place.account is None or place.region is None or place.kind is None:
        return "other folders"
    if "AWSLogs" not in segments:
        return "ACCOUNT/CloudTrail/REGION, without AWSLogs"
    after = segments[len(segments) - 1 - segments[::-1].index("AWSLogs") + 1]
    return "an organisation's trail" if after.startswith("o-") else "trails of accounts"
