"""The page in one sentence, and what somebody should read first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from detector.report.alert_groups import RuleGroup, SeverityGroup
from detector.severity import Severity
from detector.story.story import Story, StoryKind
from detector.text import counted, printable

if TYPE_CHECKING:
    from detector.detect.basis import Basis
    from detector.report.told import ToldStories

_FIRST: Final = 5  # groups of alerts that are named at the top
_GRAVE: Final = (Severity.CRITICAL, Severity.HIGH)


class Verdict(StrEnum):
    """The judgement in two words."""

    ACT = "act now"
    LOOK = "look at it"
    NOT_PROVEN = "not proven"
    QUIET = "nothing found"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the page comes to."""

    verdict: Verdict
    sentence: str
    first: tuple[RuleGroup, ...]  # what to read first, the gravest
    more: int  # groups of alerts that are critical or high, too
    gravest: Story | None  # the session that most of it is about


def judge(
    groups: Sequence[SeverityGroup], stories: ToldStories, basis: Basis, since: datetime | None = None
) -> Judgement:
    """Return what alerts, stories and what they rest on come to.

    Args:
        groups: of alerts.
        stories: of sessions in the time that is asked about, and of earlier ones of which something followed in it.
        basis: where a rule did not end, there may be more alerts.
        since: when that time begins.
    """
    least = "at least " if basis.failed_rules else ""
    earlier = _earlier(stories, since)
    rest = _sessions(stories, earlier) + _failed(basis.failed_rules)
    open_ = {group.severity: group.open for group in groups if group.open}
    grave = [severity for severity in _GRAVE if severity in open_]
    lesser = [severity for severity in (Severity.MEDIUM, Severity.LOW) if severity in open_]
    if grave:
        verdict = Verdict.ACT
        said = f"{_listed(open_, grave)} {_place(groups, grave)} {_verb(open_, grave)} an answer"
        sentence = f"{least.capitalize()}{said}{rest}."
    elif lesser:
        verdict = Verdict.LOOK
        said = f"{_listed(open_, lesser)} {_place(groups, lesser)} {_verb(open_, lesser)} a look"
        sentence = f"No alert {'that was found ' if least else ''}is critical or high; {least}{said}{rest}."
    elif earlier:
        verdict = Verdict.LOOK
        sentence = f"No alert wants an answer{rest}."
    elif basis.is_complete:
        verdict = Verdict.QUIET
        sentence = f"Nothing was found that wants an answer, and AWS vouches for every hour of it{rest}."
    else:
        verdict = Verdict.NOT_PROVEN
        sentence = (
            f"Nothing was found that wants an answer in what could be read; that this is all is not proven{rest}."
        )
    ordered = [
        rule
        for group in groups
        if group.severity in (grave or lesser)
        for rule in _in_turns([rule for rule in group.rules if rule.open])
    ]
    gravest = next((one.story for one in stories.told if one.story.severity in grave), None)
    return Judgement(verdict, sentence, tuple(ordered[:_FIRST]), max(0, len(ordered) - _FIRST), gravest)


def _in_turns(rules: Sequence[RuleGroup]) -> list[RuleGroup]:
    """Return rules so that the accounts they are about take turns: one that is loud hides no other."""
    told: Counter[str | None] = Counter()
    turns = {}
    for rule in rules:
        turns[rule.rule_id] = min(told[account] for account in rule.accounts)
        told.update(rule.accounts)
    return sorted(rules, key=lambda rule: turns[rule.rule_id])  # stable


def _listed(open_: dict[Severity, int], severities: Sequence[Severity]) -> str:
    *others, last = severities
    total = open_[last]
    parts = [*(f"{open_[severity]:,} {severity}" for severity in others), f"{total:,} {last}"]
    return f"{' and '.join(parts)} alert{'' if _is_one(open_, severities) else 's'}"


def _verb(open_: dict[Severity, int], severities: Sequence[Severity]) -> str:
    return "wants" if _is_one(open_, severities) else "want"


def _is_one(open_: dict[Severity, int], severities: Sequence[Severity]) -> bool:
    return sum(open_[severity] for severity in severities) == 1


def _place(groups: Sequence[SeverityGroup], severities: Sequence[Severity]) -> str:
    rules = [rule for group in groups if group.severity in severities for rule in group.rules if rule.open]
    accounts = {account for rule in rules for account in rule.accounts}
    first, last = min(rule.first for rule in rules), max(rule.last for rule in rules)
    [*_, one] = accounts
    where = f"account {printable(one)}" if len(accounts) == 1 and one else counted(len(accounts), "account")
    when = f"on {first:%Y-%m-%d}" if first.date() == last.date() else f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"in {where} {when}"


def _failed(rules: int) -> str:
    """Return how many rules did not run to their end, as the last part of a sentence."""
    return f"; {counted(rules, 'rule')} did not run to {'its' if rules == 1 else 'their'} end" if rules else ""


def _earlier(stories: ToldStories, since: datetime | None) -> list[Story]:
    return [story for story in _all(stories) if since is not None and story.last_time < since]


def _all(stories: ToldStories) -> list[Story]:
    return [*(one.story for one in stories.told), *stories.named]


def _sessions(stories: ToldStories, earlier: Sequence[Story]) -> str:
    """Return how often root was used, as the half of a sentence, and whether what it had made before was."""
    followed = f"; what {counted(len(earlier), 'earlier session')} of root left was in use" if earlier else ""
    ended = {story.id for story in earlier}
    sessions = [story for story in _all(stories) if story.kind is not StoryKind.LOOSE and story.id not in ended]
    if not sessions:
        return followed
    without = sum(story.mfa == "no" for story in sessions)
    said = counted(len(sessions), "session") + (" or more" if stories.untold else "")
    if not without:
        return f"; root was in use in {said}{followed}"
    which = (
        "without MFA" if len(sessions) == 1 else f"{'all' if without == len(sessions) else f'{without:,}'} without MFA"
    )
    return f"; root was in use in {said}, {which}{followed}"
