"""What a listing passes by: of use to whoever named a prefix, an account, a region or a window that holds no log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from detector.sources.keys import Place, parse_folder, parse_key

_KEPT = 1_000  # of each
_NAMED = 5
_DAY_FOLDERS = re.compile(r"/(?:19|20)[0-9]{2}(?:/.*)?$")


@dataclass(slots=True)
class Seen:
    """Accounts, regions, days and prefixes that were seen and not read; bounded, whatever a bucket holds."""

    accounts: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)  # the first and the last so far
    prefixes: set[str] = field(default_factory=set)  # above the folders of days

    def note(self, uri: str) -> None:
        """Remember where an object or a folder (with a slash at its end) lies."""
        place = parse_folder(uri) if uri.endswith("/") else parse_key(uri)
        for known, found in ((self.accounts, place.account), (self.regions, place.region)):
            if found and len(known) < _KEPT:
                known.add(found)
        days = {*self.days, *_days(place)}
        self.days = {min(days), max(days)} if days else days
        if len(self.prefixes) < _KEPT:
            self.prefixes.add(_DAY_FOLDERS.sub("", uri.rpartition("/")[0]) + "/")

    def parts(self) -> Iterator[str]:
        """Yield it in words; of each kind the first few."""
        if self.accounts:
            yield _listed("account", "accounts", self.accounts)
        if self.regions:
            yield _listed("region", "regions", self.regions)
        if self.days:
            first, last = min(self.days), max(self.days)
            yield f"the day {first}" if first == last else f"days from {first} to {last}"
        if self.prefixes:
            yield _listed("prefix", "prefixes", self.prefixes)


def _days(place: Place) -> Iterator[date]:
    """Yield the days that a place names; a folder of a month or a year names none."""
    if place.first_day is not None and place.first_day == place.last_day:
        yield place.first_day


def _listed(one: str, several: str, names: Iterable[str]) -> str:
    first, *others = sorted(names)
    more = f" and {len(others) + 1 - _NAMED} more" if len(others) >= _NAMED else ""
    return f"{several if others else one} {', '.join([first, *others][:_NAMED])}{more}"
