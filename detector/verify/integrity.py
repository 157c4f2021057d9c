"""What verifying found, added up: counts of everything, names of what is not verified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from detector.sources.log_source import LeftOut, Unreadable
from detector.times import rfc3339
from detector.verify.expected import Expected
from detector.verify.keys import KeyRing
from detector.verify.place import Chain, Location
from detector.verify.verdicts import (
    Asked,
    DigestGap,
    DigestVerdict,
    JudgedDigest,
    JudgedLog,
    LocationVerdict,
    LogVerdict,
)

# Of what is not proven: a bucket without digests has as many as files. What is damaged is named whole.
_NAMED: Final = 1_000
Judged = TypeVar("Judged", JudgedDigest, JudgedLog)
NOT_PROVED: Final = (
    "events that the trail's selectors leave out",
    "services that do not log",
    "deliveries later than the time that was looked at",
    "that nobody stole a key of AWS",
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a lake knows of one finding."""

    cause: str = ""  # the call that may explain it: StopLogging by ARN at TIME
    events: int | None = None  # that a log file holds; None: nobody asked
    alerts: int | None = None  # that rest on them


_NOTHING_KNOWN: Final = Context()


@dataclass(slots=True)
class Integrity:
    """The outcome of verifying, for a report and an exit code."""

    asked: Asked
    keys: KeyRing
    locations: list[Location] = field(default_factory=list)
    chains: set[Chain] = field(default_factory=set)
    digests: Counter[DigestVerdict] = field(default_factory=Counter)
    logs: Counter[LogVerdict] = field(default_factory=Counter)
    other_times: int = 0  # log files that are there and were not asked about
    digest_findings: list[JudgedDigest] = field(default_factory=list)
    log_findings: list[JudgedLog] = field(default_factory=list)
    gaps: list[DigestGap] = field(default_factory=list)
    copied_from: set[str] = field(default_factory=set)
    unreadable: list[Unreadable] = field(default_factory=list)
    unplaced: list[LeftOut] = field(default_factory=list)  # the first 1,000
    unplaced_count: int = 0
    absent: list[str] = field(default_factory=list)  # expected, and nothing there
    contexts: dict[JudgedDigest | JudgedLog | DigestGap, Context] = field(default_factory=dict)
    counts_gaps: bool = True  # False: only what is there was to be verified
    _unproven: int = 0

    def add(self, verdict: LocationVerdict) -> None:
        """Add one location."""
        self.locations.append(verdict.location)
        self.chains.update(one.place.chain for one in verdict.digests)
        self.digests.update(one.verdict for one in verdict.digests)
        self.logs.update(one.verdict for one in verdict.logs)
        self.other_times += verdict.other_times
        named = _to_name(verdict.digests, len(self.digest_findings))
        # Nothing of this tells what they say, which takes ten times as much memory.
        self.digest_findings += (replace(one, content=None) for one in named)
        self.log_findings += _to_name(verdict.logs, len(self.log_findings))
        gaps = verdict.gaps if self.counts_gaps else ()
        self.gaps += gaps
        self.copied_from |= verdict.copied_from
        parts: tuple[JudgedDigest | JudgedLog | DigestGap, ...] = (*verdict.digests, *verdict.logs, *gaps)
        self._unproven += sum(one.is_unproven for one in parts)

    def add_survey(self, unreadable: Iterable[Unreadable], unplaced: Sequence[LeftOut]) -> None:
        """Add what of a source could not be listed, or not be judged."""
        self.unreadable += unreadable
        self.unplaced_count += len(unplaced)
        self.unplaced += unplaced[: max(0, _NAMED - len(self.unplaced))]

    def expect(self, expected: Expected) -> None:
        """Note the accounts and regions of which nothing was found."""
        found = {(location.account, location.region) for location in self.locations}
        self.absent += [
            f"{account} {region}" for account, region in expected.places(found) if (account, region) not in found
        ]

    def context(self, one: JudgedDigest | JudgedLog | DigestGap) -> Context:
        """Return what a lake knows of a finding."""
        return self.contexts.get(one, _NOTHING_KNOWN)

    @property
    def damage(self) -> list[JudgedDigest | JudgedLog]:
        """What is not as AWS wrote it."""
        findings: list[JudgedDigest | JudgedLog] = [*self.digest_findings, *self.log_findings]
        return [one for one in findings if one.is_damage]

    @property
    def is_damaged(self) -> bool:
        """True when something is not as AWS wrote it."""
        return bool(self.damage)

    @property
    def is_unproven(self) -> bool:
        """True when some of what was asked is not covered by AWS's word."""
        return bool(self._unproven or self.unreadable or self.unplaced_count or self.absent)

    @property
    def is_empty(self) -> bool:
        """True when there is nothing that could be verified."""
        return not self.locations and not self.unplaced_count and not self.unreadable

    @property
    def judgement(self) -> str:
        """The outcome in one word."""
        if self.is_damaged:
            return "damaged"
        if self.is_unproven:
            return "not proven"
        return "nothing there" if self.is_empty else "signed and intact"

    def findings(self) -> Iterator[dict[str, Any]]:
        """Yield what is not verified as JSON objects, `--format jsonl`: the worst first."""
        yield from (_digest_json(one, self.context(one)) for one in self.digest_findings if one.is_damage)
        yield from (_log_json(one, self.context(one)) for one in self.log_findings if one.is_damage)
        yield from (_gap_json(gap, self.context(gap)) for gap in self.gaps)
        yield from (_digest_json(one) for one in self.digest_findings if not one.is_damage)
        yield from (_log_json(one) for one in self.log_findings if not one.is_damage)
        yield from ({"kind": "unreadable", "uri": one.uri, "reason": one.reason} for one in self.unreadable)
        yield from ({"kind": "unplaced", "uri": one.uri, "reason": one.reason} for one in self.unplaced)
        for what in self.absent:
            account, region = what.split()
            yield {"kind": "absent", "account": account, "region": region, "reason": "expected, and nothing is there"}

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as reports write it."""
        return {
            "judgement": self.judgement,
            "since": None if self.asked.since is None else rfc3339(self.asked.since),
            "until": rfc3339(self.asked.until),
            "locations": len(self.locations),
            "chains": len(self.chains),
            "digests": {str(verdict): count for verdict, count in sorted(self.digests.items())},
            "log_files": {str(verdict): count for verdict, count in sorted(self.logs.items())},
            "log_files_of_other_times": self.other_times,
            "keys": len(self.keys.keys),
            "keys_refused": dict(self.keys.refused),
            "copied_from": sorted(self.copied_from),
            "unplaced": self.unplaced_count,
            "findings": list(self.findings()),
            "does_not_prove": list(NOT_PROVED),
        }


def _to_name(judged: Iterable[Judged], already: int) -> list[Judged]:
    """Return what is not verified: of what is no damage, only so much."""
    findings = [one for one in judged if one.verdict not in (DigestVerdict.VERIFIED, LogVerdict.VERIFIED)]
    damage = [one for one in findings if one.is_damage]
    return damage + [one for one in findings if not one.is_damage][: max(0, _NAMED - already)]


def _digest_json(one: JudgedDigest, context: Context = _NOTHING_KNOWN) -> dict[str, Any]:
    location = one.place.chain.location
    return {
        "kind": "digest",
        "verdict": str(one.verdict),
        "uri": one.uri,
        "account": location.account,
        "region": location.region,
        "trail": one.place.chain.trail,
        "end": rfc3339(one.place.end),
        "reason": one.reason,
        "cause": context.cause or None,
    }


def _log_json(one: JudgedLog, context: Context = _NOTHING_KNOWN) -> dict[str, Any]:
    return {
        "kind": "log_file",
        "verdict": str(one.verdict),
        "uri": one.uri,
        "account": one.location.account,
        "region": one.location.region,
        "delivered": None if one.delivered is None else rfc3339(one.delivered),
        "digest": one.digest,
        "signed_sha256": one.signed_sha256 and one.signed_sha256.hex(),
        "found_sha256": one.found_sha256 and one.found_sha256.hex(),
        "reason": one.reason,
        "cause": context.cause or None,
        "events": context.events,
        "alerts": context.alerts,
    }


def _gap_json(gap: DigestGap, context: Context) -> dict[str, Any]:
    return {
        "kind": "gap",
        "verdict": str(gap.kind),
        "account": gap.location.account,
        "region": gap.location.region,
        "start": rfc3339(gap.start),
        "end": rfc3339(gap.end),
        "log_files": gap.log_files,
        "place": gap.location.root,
        "cause": context.cause or None,
    }
