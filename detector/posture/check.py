"""Checks: one `.sql` file each in `queries/_posture/`, metadata in a leading block `-- /// check`.

The SQL turns events into facts: (account_id, event_time, subject, says, detail, event_id). Files whose names begin
with `_` are relations that several checks read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

from detector.errors import RuleError
from detector.posture.fact import Says
from detector.rules.metadata import Metadata, split_block
from detector.rules.rule import shipped_rules_directory
from detector.rules.sql_check import parse_select

FOLDER = "_posture"
_WORD = re.compile(r"[a-z_]+")


class Status(StrEnum):
    """The answer in one word. Unknown never passes."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Over(StrEnum):
    """Which subjects have to say yes."""

    EVERY = "every"
    SOME = "some"
    AGREED = "agreed"  # all that are known; where some say yes and others no, it is unknown


@dataclass(frozen=True, slots=True)
class Check:
    """One question about an account."""

    id: str
    title: str  # what is so when the check passes
    label: str  # for a table
    step: str  # of the guide; "monitor" for what is no step
    why: str
    known_as: tuple[str, ...]  # what others call it
    over: Over
    least: int  # subjects that must say yes
    lasts: timedelta | None  # facts of longer ago say `fades_to`
    fades_to: Says
    words: Mapping[str, str]  # status → its word
    unseen: str  # what the logs lack when they say nothing
    silence: str | None  # what has not been seen since the facts that pass it; None: logs never pass it
    ask: str | None  # the permission of the call that knows
    next: str
    sql: str

    def word(self, status: Status) -> str:
        """Return the answer in the check's own words."""
        return self.words.get(status, status.replace("_", " "))


@cache
def load_checks() -> tuple[Check, ...]:
    """Return the checks in the order of the guide's steps.

    Raises:
        RuleError: a file is malformed.
    """
    folder = shipped_rules_directory() / FOLDER
    checks = [parse_check(path) for path in sorted(folder.glob("[!_]*.sql"))]
    return tuple(sorted(checks, key=lambda check: (check.step, check.id)))


def checks_by(root_unused_days: int | None) -> tuple[Check, ...]:
    """Return the checks, with so many days for which root has to rest; None: as the check has it."""
    lasts = None if root_unused_days is None else timedelta(days=root_unused_days)
    return tuple(
        replace(check, lasts=lasts) if lasts and check.id == "root_unused" else check for check in load_checks()
    )


def parse_check(path: Path) -> Check:
    """Read one file.

    Raises:
        RuleError: it has no metadata block, or a missing, unknown or ill-typed key.
    """
    try:
        block = split_block(path.read_text(encoding="utf-8"), "check")
        if block is None:
            raise ValueError("no metadata: start the file with `-- /// check`")  # noqa: TRY301 - one place for all
        meta, sql = block
        parse_select(sql)
        check = _check(path.stem, meta, sql)
        meta.require_empty()
    except (OSError, ValueError) as error:
        raise RuleError(f"{path}: {error}") from error
    return check


def _check(check_id: str, meta: Metadata, sql: str) -> Check:
    days = meta.pop("days", int, default=0)
    return Check(
        id=check_id,
        title=meta.text("title"),
        label=meta.text("label"),
        step=meta.text("step"),
        why=meta.text("why"),
        known_as=meta.texts("known_as"),
        over=Over(meta.text("over")),
        least=meta.pop("least", int, default=1),
        lasts=timedelta(days=days) if days else None,
        fades_to=Says(meta.pop("fades_to", str, default="unsure")),
        words={Status(status): word for status, word in meta.pop("words", dict).items()},
        unseen=meta.text("unseen"),
        silence=meta.pop("silence", str, default="") or None,
        ask=meta.pop("ask", str, default="") or None,
        next=meta.text("next"),
        sql=sql,
    )


def relations_of(sql: str) -> list[str]:
    """Return the relations that a query reads, `name AS (…)`, each after those that it reads itself.

    Only these: planning one that nobody reads takes a good part of planning a check.
    """
    every = _relations()
    wanted: dict[str, str] = {}
    for name in _WORD.findall(sql):
        if name in every and name not in wanted:
            wanted |= {part.partition(" ")[0]: part for part in relations_of(every[name])}
            wanted[name] = f"{name} AS (\n{every[name]}\n)"
    return list(wanted.values())


@cache
def _relations() -> Mapping[str, str]:
    folder = shipped_rules_directory() / FOLDER
    return {path.stem[1:]: path.read_text(encoding="utf-8") for path in sorted(folder.glob("_*.sql"))}
