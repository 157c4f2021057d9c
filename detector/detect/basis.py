"""What an answer rests on: what was read, and for how much of it AWS vouches. Pure.

An absence of alerts is worth what this says, and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from detector.severity import Severity
from detector.text import counted
from detector.times import rfc3339

if TYPE_CHECKING:
    from detector.alerts.alert import Alert, Location
    from detector.detect.detect import Detection
    from detector.detect.selection import Selection
    from detector.lake.integrity import Attested


_GOOD: Final = (None, "verified", "pending")


@dataclass(frozen=True, slots=True)
class Basis:
    """What one answer rests on."""

    accounts: int
    regions: int
    first: datetime | None  # of the events within the time asked for; None: there are none
    last: datetime | None
    objects: int
    gaps: int
    attested: Attested | None = None  # None: nobody has asked for digests
    failed_rules: int = 0
    alerts_in_doubt: int = 0  # of those shown: an event of theirs is in no file that AWS vouches for
    doubts: Mapping[str, int] = field(default_factory=dict)  # verdict → log files that they rest on

    @property
    def is_complete(self) -> bool:
        """True when AWS vouches for every hour whose digest is due, nothing is left out, and every rule ran."""
        attested = self.attested
        return (
            attested is not None
            and attested.proven > 0
            and not (attested.unproven or attested.outside or attested.undated or attested.blind_accounts)
            and not self.gaps
            and not self.failed_rules
            and not self.alerts_in_doubt
        )

    @property
    def is_wrong(self) -> bool:
        """True when somebody must be told, even who wants to hear nothing else."""
        return bool(self.gaps or self.failed_rules) or (self.attested is not None and not self.is_complete)

    def sentence(self, found: str) -> str:
        """Return what was found, and what that rests on.

        Args:
            found: `No alert`, `3 alerts`.
        """
        if self.attested is not None and self.is_complete:
            return f"{found}. {self._read()}: {_complete(self.attested)}."
        return f"{found} in what could be read: {self._read()}. Not proven {self._unproven()}."

    def to_json(self, found: str) -> dict[str, Any]:
        """Return it as the run report has it."""
        hours = None
        if self.attested is not None:
            hours = {
                **{str(state): count for state, count in sorted(self.attested.hours.items())},
                "outside_folders": self.attested.outside,
                "undated_log_files": self.attested.undated,
                "accounts_without_sign_in_region": list(self.attested.blind_accounts),
            }
        return {
            "sentence": self.sentence(found),
            "complete": self.is_complete,
            "accounts": self.accounts,
            "regions": self.regions,
            "first_event": None if self.first is None else rfc3339(self.first),
            "last_event": None if self.last is None else rfc3339(self.last),
            "objects": self.objects,
            "gaps": self.gaps,
            "hours": hours,
            "alerts_in_doubt": self.alerts_in_doubt,
            "does_not_prove": _not_proved() if self.is_complete else None,
        }

    def _read(self) -> str:
        objects, gaps = counted(self.objects, "object"), counted(self.gaps, "gap") if self.gaps else "no gap"
        if self.first is None or self.last is None:
            return f"no event of that time, {objects}, {gaps}"
        return (
            f"{counted(self.regions, 'region')} of {counted(self.accounts, 'account')}, events of {self.first:%Y-%m-%d}"
            f" to {self.last:%Y-%m-%d}, {objects}, {gaps}"
        )

    def _unproven(self) -> str:
        """Return what is not proven, the shortest way to say that first."""
        why = ["that this is all: there are no digests"] if self.attested is None else _unproven(self.attested)
        if self.alerts_in_doubt:
            files = ", ".join(f"{counted(count, 'log file')} {verdict}" for verdict, count in self.doubts.items())
            why.append(f"what {counted(self.alerts_in_doubt, 'alert')} rests on ({files})")
        if self.failed_rules:
            why.append(f"what {counted(self.failed_rules, 'rule')} would have found")
        return "; nor ".join(why or ["what lies in the gaps"])


def found_text(count: int, minimum: Severity = Severity.INFO, *, new: bool = False) -> str:
    """Return how many alerts were written, of those that were asked for."""
    noun = f"{'new ' * new}alert"
    limit = "" if minimum is Severity.INFO else f" of severity {minimum} or above"
    return (counted(count, noun) if count else f"No {noun}") + limit


def basis_of(
    detection: Detection,
    selection: Selection,
    *,
    objects: int,
    gaps: int,
    attested: Attested | None = None,
    shown: Iterable[Alert] = (),
) -> Basis:
    """Return what an answer rests on.

    Args:
        detection: what the rules found, and in which events.
        selection: which alerts were asked for.
        objects: log objects that were read.
        gaps: what could not be.
        attested: what digests say of the same time.
        shown: the alerts that are written.
    """
    doubtful = [places for alert in shown if (places := doubtful_places(alert.evidence))]
    files = {place.log_file: str(place.integrity) for places in doubtful for place in places}
    since, until = selection.since, selection.until
    reach = {
        place: (max(first, since or first), min(last, until or last))
        for place, (first, last) in detection.coverage.items()
        if (since is None or last >= since) and (until is None or first <= until)
    }
    return Basis(
        accounts=len({account for account, _ in reach}),
        regions=len({region for _, region in reach}),
        first=min((first for first, _ in reach.values()), default=None),
        last=max((last for _, last in reach.values()), default=None),
        objects=objects,
        gaps=gaps,
        attested=attested,
        failed_rules=len(detection.errors),
        alerts_in_doubt=len(doubtful),
        doubts=Counter(files.values()),
    )


def doubtful_places(evidence: Sequence[Location]) -> list[Location]:
    """Return where the events are of which no copy is in a file that AWS vouches for, or may vouch for yet.

    Nothing where nobody has asked for digests.
    """
    vouched = {place.event_id for place in evidence if place.integrity in _GOOD}
    return [place for place in evidence if place.event_id not in vouched]


def _complete(attested: Attested) -> str:
    pending = attested.pending
    return (
        f"{counted(attested.proven, 'hour')} signed by AWS and complete, {attested.empty:,} of them empty"
        + f"; {counted(pending, 'hour')} of which no digest is due yet" * bool(pending)
    )


def _unproven(attested: Attested) -> list[str]:
    said = []
    if attested.unproven or not attested.proven:
        states = ", ".join(f"{count:,} {state}" for state, count in attested.doubtful)
        said.append(
            f"for {attested.unproven:,} of {counted(attested.total, 'hour')} ({states or 'none is known'};"
            f" detector coverage --gaps): {attested.proven:,} are signed and complete"
        )
    if attested.outside:
        folders = counted(attested.outside, "folder")
        said.append(f"for what no digest can speak of: log files outside CloudTrail's own folders, in {folders}")
    if attested.undated:
        said.append(f"for {counted(attested.undated, 'log file')} that no hour can be told of")
    if attested.blind_accounts:
        more = f" and {len(attested.blind_accounts) - 1:,} more" * (len(attested.blind_accounts) > 1)
        said.append(f"for root of {attested.blind_accounts[0]}{more}: nothing of the region that records its sign-ins")
    return said


def _not_proved() -> list[str]:
    from detector.verify.integrity import NOT_PROVED  # brings cryptography, for which no other answer waits

    return list(NOT_PROVED)
