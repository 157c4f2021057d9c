"""What people are told of an alert, or of all those of a run: short, safe to show, the same wherever they read it.

Of suppressed alerts nobody is told: somebody has answered for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from detector.alerts.alert import Alert
from detector.alerts.digest import Digest
from detector.alerts.formats.json_line import cut
from detector.alerts.formats.siem_fields import user_name
from detector.severity import Severity
from detector.text import counted, printable
from detector.times import rfc3339

# Bytes in JSON; together they are far less than a line, or than a message of any receiver.
_SUMMARY_BYTES, _ENTRY_BYTES, _FACT_BYTES = 1_500, 400, 300
_ACCOUNTS = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert of several."""

    severity: Severity
    text: str
    rule_id: str
    link: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told. All text is printable, on one line and of bounded length; no markup is escaped yet."""

    id: str  # the same whenever the same is told
    severity: Severity
    headline: str
    text: str
    facts: tuple[tuple[str, str], ...]  # (name, value)
    about: str  # the account, or how many
    time: datetime  # of the last event
    rule_id: str | None = None  # None: it tells of several alerts
    link: str | None = None  # to the page of the rule
    entries: tuple[Entry, ...] = ()  # the worst of several alerts
    more: int = 0  # alerts that are not among the entries

    @property
    def subject(self) -> str:
        """One line for where only one is shown."""
        return f"[{self.severity}] {self.headline}"


def notice_of(alert: Alert) -> Notice:
    """Return what is told of one alert."""
    facts = {
        "Account": alert.account_id,
        "Region": alert.region,
        "Time": _period(alert.event_time, alert.last_event_time),
        "Events": f"{alert.event_count:,}",
        "Who": alert.actor.arn or user_name(alert.actor) or alert.actor.type,
        "From": alert.source_ip,
        "MFA": alert.mfa,
    }
    return Notice(
        id=alert.alert_id,
        severity=alert.severity,
        headline=_safe(alert.title, _FACT_BYTES),
        text=_safe(alert.summary, _SUMMARY_BYTES),
        facts=tuple((name, _safe(value, _FACT_BYTES)) for name, value in facts.items() if value),
        about=_safe(alert.account_id or "an unknown account", _FACT_BYTES),
        time=alert.last_event_time,
        rule_id=alert.rule_id,
        link=alert.rule_url,
    )


def notice_of_digest(digest: Digest) -> Notice:
    """Return what is told of the alerts of a run."""
    counts = ", ".join(f"{count:,} {severity}" for severity, count in digest.by_severity.items())
    accounts = counted(len(digest.accounts), "account")
    listed = ", ".join(digest.accounts[:_ACCOUNTS]) + (", …" if len(digest.accounts) > _ACCOUNTS else "")
    facts = {
        "Accounts": listed,
        "Time": _period(digest.event_time, digest.last_event_time),
    }
    return Notice(
        id=digest.digest_id,
        severity=digest.severity,
        headline=f"{counted(digest.count, 'alert')} in {accounts}",
        text=counts,
        facts=tuple((name, _safe(value, _FACT_BYTES)) for name, value in facts.items() if value),
        about=accounts,
        time=digest.last_event_time,
        entries=tuple(_entry(alert) for alert in digest.worst),
        more=digest.count - len(digest.worst),
    )


def plain_lines(notice: Notice) -> Iterator[str]:
    """Yield the notice as lines of text, without its headline."""
    yield notice.text
    yield ""
    for entry in notice.entries:
        yield f"[{entry.severity}] {entry.text}"
        yield f"    {entry.rule_id}{f': {entry.link}' if entry.link else ''}"
    if notice.more:
        yield f"… and {notice.more:,} more"
    if notice.entries:
        yield ""
    for name, value in notice.facts:
        yield f"{name}: {value}"
    if notice.rule_id:
        yield f"Rule: {notice.rule_id}{f': {notice.link}' if notice.link else ''}"
    yield f"Id: {notice.id}"


def _entry(alert: Alert) -> Entry:
    text = f"{alert.account_id or '-'}: {alert.summary}"
    return Entry(alert.severity, _safe(text, _ENTRY_BYTES), alert.rule_id, alert.rule_url)


def _period(first: datetime, last: datetime) -> str:
    begin, end = rfc3339(first.replace(microsecond=0)), rfc3339(last.replace(microsecond=0))
    return begin if begin == end else f"{begin} to {end}"


def _safe(text: object, size_bytes: int) -> str:
    return printable(cut(" ".join(str(text).split()), size_bytes)) or "-"
