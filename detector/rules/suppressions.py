"""Suppressions: alerts that somebody has answered for, until a day. They are still written, and say by what.

A TOML file:

    [[suppression]]
    id = "monthly-drill"
    rule = "root_console_login"
    account = "111122223333"            # and any of these, all of which must hold:
    actor_arn = "arn:aws:iam::*:root"   #   * and ? stand for any characters, any one character
    source_cidr = "198.51.100.0/24"     #   IPv4 or IPv6
    user_agent = "Mozilla/5.0 *"
    reason = "Drill on the first Monday of the month."
    owner = "security@example.com"
    expires = 2026-12-31                # the last day, UTC; or a time
    allow_critical = false              # true: also where rule or alert is critical
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from detector.errors import RuleError
from detector.rules.evidence import Evidence
from detector.rules.finding import Finding
from detector.severity import Severity

_TEXTS = ("id", "rule", "reason", "owner")
_KEYS = {*_TEXTS, "expires", "account", "actor_arn", "source_cidr", "user_agent", "allow_critical"}


@dataclass(frozen=True, slots=True)
class SuppressionEntry:
    """One entry. What is None does not matter."""

    id: str
    rule: str
    reason: str
    owner: str
    expires: datetime  # aware; from then on it does not suppress
    account: str | None = None
    actor_arn: re.Pattern[str] | None = None
    source_cidr: IPv4Network | IPv6Network | None = None
    user_agent: re.Pattern[str] | None = None
    allow_critical: bool = False

    def covers(self, finding: Finding, events: Sequence[Evidence]) -> bool:
        """Say whether the entry is about a finding, whatever the time.

        Of a finding of several events, address, user agent and actor must fit all: a stranger's call does not
        hide behind a colleague's in one hour.
        """
        is_critical = Severity.CRITICAL in (finding.severity, finding.rule.severity)
        return (
            self.rule == finding.rule.id
            and self.account in (None, finding.account_id)
            and (self.allow_critical or not is_critical)
            and self._fits_all(finding, events)
        )

    def _fits_all(self, finding: Finding, events: Sequence[Evidence]) -> bool:
        if self.actor_arn is None and self.source_cidr is None and self.user_agent is None:
            return True
        is_known_whole = len(events) >= max(finding.event_count, 1)
        return is_known_whole and all(map(self._fits, events))

    def _fits(self, event: Evidence) -> bool:
        return (
            _matches(self.actor_arn, event.actor_arn)
            and _matches(self.user_agent, event.user_agent)
            and (self.source_cidr is None or _is_in(event.source_ip, self.source_cidr))
        )


def suppressing_entry(
    entries: Sequence[SuppressionEntry], finding: Finding, events: Sequence[Evidence], now: datetime
) -> SuppressionEntry | None:
    """Return the first entry that suppresses a finding, or None.

    Args:
        entries: in the order of their file.
        finding: what the rule returned.
        events: the finding's events, all of them.
        now: aware.
    """
    return next((entry for entry in entries if now < entry.expires and entry.covers(finding, events)), None)


def suppression_warnings(
    entries: Sequence[SuppressionEntry], rule_ids: Collection[str], now: datetime
) -> Iterator[str]:
    """Yield what is not as the owners of the entries think."""
    for entry in entries:
        if now >= entry.expires:
            yield f"suppression {entry.id} of {entry.rule} has expired and suppresses nothing; owner: {entry.owner}"
        if entry.rule not in rule_ids:
            yield f"suppression {entry.id}: there is no rule {entry.rule}; owner: {entry.owner}"


def load_suppressions(path: Path) -> tuple[SuppressionEntry, ...]:
    """Read a suppressions file.

    Raises:
        RuleError: it cannot be read, or something is wrong with it; names the first thing.
    """
    entries, problems = read_suppressions(path)
    if problems:
        raise RuleError(problems[0], hint=f"`detector rules check --suppressions {path}` lists all that is wrong")
    return entries


def read_suppressions(path: Path) -> tuple[tuple[SuppressionEntry, ...], tuple[str, ...]]:
    """Return the good entries, and what is wrong with the file and with the others."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return (), (f"{path}: cannot be read: {error.strerror}",)
    except (ValueError, RecursionError) as error:
        return (), (f"{path}: {error}",)
    tables = document.pop("suppression", [])
    problems = [f"{path}: unknown key {key!r}; entries begin with [[suppression]]" for key in document]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return (), (*problems, f"{path}: entries begin with [[suppression]]")
    entries: dict[str, SuppressionEntry] = {}
    for number, table in enumerate(tables, 1):
        try:
            entry = _entry(table)
        except ValueError as error:
            problems.append(f"{path}: suppression {table.get('id', number)}: {error}")
            continue
        if entries.setdefault(entry.id, entry) is not entry:
            problems.append(f"{path}: two suppressions have the id {entry.id!r}")
    return tuple(entries.values()), tuple(problems)


def _entry(table: Mapping[str, Any]) -> SuppressionEntry:
    unknown = sorted(table.keys() - _KEYS)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    texts = {key: _text(table, key) for key in (*_TEXTS, "account", "actor_arn", "source_cidr", "user_agent")}
    missing = [key for key in (*_TEXTS, "expires") if table.get(key) is None]
    if missing:
        raise ValueError(f"missing key {missing[0]!r}")
    account, cidr = texts["account"], texts["source_cidr"]
    if account is not None and not re.fullmatch("[0-9]{12}", account):
        raise ValueError(f"account {account!r} is not twelve digits")
    allow_critical = table.get("allow_critical", False)
    if not isinstance(allow_critical, bool):
        raise ValueError("'allow_critical' is true or false")  # noqa: TRY004 - the file is wrong, not the call
    return SuppressionEntry(
        id=texts["id"] or "",
        rule=texts["rule"] or "",
        reason=texts["reason"] or "",
        owner=texts["owner"] or "",
        expires=_moment(table["expires"]),
        account=account,
        actor_arn=glob_pattern(texts["actor_arn"]),
        source_cidr=None if cidr is None else ip_network(cidr),
        user_agent=glob_pattern(texts["user_agent"]),
        allow_critical=allow_critical,
    )


def _text(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise ValueError(f"{key!r} is not text")
    return value


def _moment(value: object) -> datetime:
    match value:
        case datetime():
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value
        case date() if value < date.max:
            return datetime.combine(value + timedelta(days=1), time(), UTC)
        case _:
            raise ValueError("'expires' is a date, as 2026-12-31, or a time, without quotes")


def glob_pattern(text: str | None) -> re.Pattern[str] | None:
    """Return a glob of `*` and `?` alone: user agents hold brackets.

    What lies between two stars is looked for once, as early as it comes, and never again: with plain `.*` a user agent
    that an attacker wrote costs time that grows with the power of the stars.
    """
    if text is None:
        return None
    first, *others = (re.escape(piece).replace(r"\?", ".") for piece in text.split("*"))
    between = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece)
    return re.compile(f"{first}{between}.*{others[-1]}" if others else first, re.DOTALL)


def _matches(pattern: re.Pattern[str] | None, text: str | None) -> bool:
    return pattern is None or (text is not None and pattern.fullmatch(text) is not None)


def _is_in(address: str | None, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(address or "") in network
    except ValueError:  # a service's name
        return False
