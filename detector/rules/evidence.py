"""The events behind a finding, as an alert shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from detector.records.rebuild import record_json
from detector.rules.finding import Finding


@dataclass(frozen=True, slots=True)
class Copy:
    """The place of one copy of a record, or of an earlier edition of it."""

    log_file: str
    index: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event as an alert shows it. Unknown is None."""

    event_key: str
    account_id: str | None
    recipient_account_id: str | None
    event_time: datetime  # aware, UTC
    region: str | None
    actor_type: str | None
    actor_arn: str | None
    access_key_id: str | None
    session_issuer: str | None
    source_ip: str | None
    user_agent: str | None
    mfa: str | None
    copies: tuple[Copy, ...]  # every one, also of earlier editions, the shown one first
    record: str  # the record of the shown row as JSON text, as logged
    story: str | None = None  # id of the story of root's session; None: the event itself names none


def make_evidence(
    rows: Iterable[Mapping[str, Any]], hidden: Iterable[Mapping[str, Any]]
) -> dict[str, tuple[Evidence, ...]]:
    """Return the events by key.

    Args:
        rows: shown rows as logged, with their normalised columns.
        hidden: places of rows that are copies or earlier editions, and of the rows that are shown for them.
    """
    copies = _copies_of(hidden)
    found: dict[str, tuple[Evidence, ...]] = {}
    for row in rows:
        key = row["event_key"]
        shown = Copy(row["logFile"], row["logFileIndex"])
        evidence = Evidence(
            event_key=key,
            account_id=row["account_id"],
            recipient_account_id=row["recipient_account_id"],
            event_time=row["event_time"].replace(tzinfo=UTC),
            region=row["region"],
            actor_type=row["actor_type"],
            actor_arn=row["actor_arn"],
            access_key_id=row["access_key_id"],
            session_issuer=row["session_issuer"],
            source_ip=row["source_ip"],
            user_agent=row["user_agent"],
            mfa=row["mfa"],
            copies=(shown, *copies.get(shown, [])),
            record=record_json(row["row"]) if row["record"] is None else row["record"],
            story=row["story"],
        )
        found[key] = (*found.get(key, ()), evidence)
    return found


def _copies_of(hidden: Iterable[Mapping[str, Any]]) -> dict[Copy, list[Copy]]:
    """Return the further copies of each row that is shown; what a row hides may itself have hidden others before."""
    original = {
        Copy(row["logFile"], row["logFileIndex"]): Copy(row["shownLogFile"], row["shownLogFileIndex"]) for row in hidden
    }
    copies: dict[Copy, list[Copy]] = {}
    for copy, shown in original.items():
        while shown in original:
            shown = original[shown]
        copies.setdefault(shown, []).append(copy)
    return copies


def evidence_of(finding: Finding, found: Mapping[str, tuple[Evidence, ...]]) -> list[Evidence]:
    """Return a finding's events, oldest first: where events share a key, those of the finding's account."""
    events: list[Evidence] = []
    for key in finding.event_ids:
        same_key = found.get(key, ())
        of_account = [event for event in same_key if event.account_id == finding.account_id]
        events += of_account or same_key
    return sorted(events, key=lambda event: (event.event_time, event.event_key, event.copies[0].log_file))
