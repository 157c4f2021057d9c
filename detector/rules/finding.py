"""One row of a rule's result, checked against the result contract."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from detector.rules.rule import Rule
from detector.severity import Severity
from detector.times import as_utc, rfc3339

# Result column → the DuckDB types it may have.
_TEXT = frozenset({"VARCHAR"})
_TIME = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS"})
_COUNT = frozenset({"BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "HUGEINT"})
REQUIRED = {"account_id": _TEXT, "event_time": _TIME, "event_ids": frozenset({"VARCHAR[]"}), "summary": _TEXT}
OPTIONAL = {
    "severity": _TEXT,
    "dedup_key": _TEXT,
    "last_event_time": _TIME,
    "event_count": _COUNT,
    "subject_event_id": _TEXT,
}


class ContractError(ValueError):
    """A rule's result is not what findings are made of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of a rule's result, not yet an alert."""

    rule: Rule
    account_id: str | None
    event_time: datetime  # first event, aware, UTC
    event_ids: tuple[str, ...]  # event keys, sorted, each once
    summary: str
    severity: Severity
    dedup_key: str | None  # None: the event keys
    last_event_time: datetime  # aware, UTC
    event_count: int
    context: dict[str, Any]  # the rule's other columns, values that JSON has
    subject_event_id: str | None = None  # the key of the event that the finding is about; None: the last one

    @property
    def identity(self) -> str | tuple[str, ...]:
        """The key that tells the finding from others of its rule and account, in every run."""
        return self.event_ids if self.dedup_key is None else self.dedup_key

    @property
    def order(self) -> tuple[datetime, str, tuple[str, ...]]:
        """Sort key: oldest first, and the same order in every run."""
        return (self.event_time, self.summary, self.event_ids)


def check_columns(names: Sequence[str], types: Sequence[str]) -> None:
    """Hold a result's columns against the contract.

    Raises:
        ContractError: a column is missing, there twice, of another type, or finer than JSON has it.
    """
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise ContractError(f"result lacks {', '.join(missing)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ContractError(f"result has two columns named {twice[0]}")
    for name, kind in zip(names, types, strict=True):
        allowed = REQUIRED.get(name) or OPTIONAL.get(name)
        # A column of bare NULLs has a type of its own.
        if allowed and kind not in allowed and kind != '"NULL"':
            raise ContractError(f"result column {name} is {kind}, not {' or '.join(sorted(allowed))}")
        if kind == "TIMESTAMP_NS":
            raise ContractError(f"result column {name} is {kind}, which has no JSON form; cast it to TIMESTAMP")


def make_finding(rule: Rule, row: Mapping[str, Any]) -> Finding:
    """Turn one result row into a finding; columns outside the contract go to `context`.

    Raises:
        ContractError: a value that must be there is NULL, a severity is unknown, or a value has no JSON form.
    """
    for name in ("event_time", "event_ids", "summary"):
        if row[name] is None:
            raise ContractError(f"result has a row whose {name} is NULL; coalesce its parts")
    ids = row["event_ids"]
    if not ids or None in ids:
        raise ContractError("result has a row whose event_ids are empty or hold NULL")
    event_ids = tuple(sorted(set(ids)))
    subject = row.get("subject_event_id")
    if subject is not None and subject not in ids:
        raise ContractError("result has a row whose subject_event_id is none of its event_ids")
    event_time = as_utc(row["event_time"])
    last = row.get("last_event_time")
    count = row.get("event_count")
    severity = row.get("severity")
    try:
        severity = rule.severity if severity is None else Severity(severity)
    except ValueError as error:
        raise ContractError(f"result has the severity {severity!r}") from error
    return Finding(
        rule=rule,
        account_id=row["account_id"],
        event_time=event_time,
        event_ids=event_ids,
        summary=row["summary"],
        severity=severity,
        dedup_key=row.get("dedup_key"),
        last_event_time=event_time if last is None else as_utc(last),
        event_count=len(event_ids) if count is None else int(count),
        context={
            name: _json_value(value, name)
            for name, value in row.items()
            if name not in REQUIRED and name not in OPTIONAL
        },
        subject_event_id=subject,
    )


def _json_value(value: Any, name: str) -> Any:  # noqa: ANN401 - any column value
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return rfc3339(value)
        case date() | time():
            return value.isoformat()
        case dict():
            return {str(key): _json_value(member, name) for key, member in value.items()}
        case list() | tuple() if not isinstance(value, pa.MonthDayNano):
            return [_json_value(member, name) for member in value]
        case _:
            raise ContractError(f"result column {name} has no JSON form; cast it to text")
