"""A rule's examples: raw CloudTrail records and how many findings they give.

`<rule id>.examples.json` is a list of cases:

    [{"name": "…", "alerts": 1, "records": [{…}, {…}]}]

with, if it matters, the "severity" and "summary" that each alert must have: one for all, or a list, oldest alert first;
and the "bucket" that the records were read from, which otherwise come from no bucket.
For rules about digests, "integrity" is a list of rows of `integrity_findings`, moments as text.

Near misses differ from the case that fires in one field. To show that one field only, the file may be an object
`{"records": {"login": {…}}, "examples": [cases]}`; a case's record is then a raw record as above, the name of a
record, or `{"like": "login", …}`: a JSON merge patch (RFC 7396, null removes a field) of it. Records made from a name
get an eventID of their own unless the patch gives one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from detector.errors import RuleError
from detector.records.integrity import integrity_table
from detector.records.log_file import decode_log_file
from detector.rules.rule import Rule
from detector.severity import Severity

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """Records, and what the rule is to make of them."""

    name: str
    alerts: int
    severities: tuple[Severity | None, ...]  # of each alert, oldest first; None where the example does not say
    summaries: tuple[str | None, ...]  # likewise
    records: tuple[Record, ...]
    bucket: str | None = None  # that the records were read from
    integrity: tuple[Record, ...] = ()  # rows of `integrity_findings`, moments aware

    def log_file(self, name: str) -> str:
        """Return the URI of the log file with the records, by a name of its own."""
        return f"example:{name}" if self.bucket is None else f"s3://{self.bucket}/{name}"

    def findings(self) -> pa.Table:
        """Return what digests say in this example.

        Raises:
            ValueError: a value is not of its column's type, or there is no such column.
        """
        return integrity_table(self.integrity)

    def table(self) -> pa.Table:
        """Return the records as events.

        Raises:
            ValueError: a record cannot be a row.
        """
        content = json.dumps({"Records": self.records}).encode()
        decoded = decode_log_file(content, self.log_file(self.name))
        rejected = [f"record {kept.index}: {kept.reason}" for kept in decoded.kept if kept.rejected]
        trouble = "; ".join(rejected) or decoded.problem or decoded.skipped
        if trouble:
            raise ValueError(trouble)
        return decoded.table


def load_examples(rule: Rule) -> tuple[Example, ...]:
    """Read the examples beside a rule.

    Raises:
        RuleError: the file is missing, or is not as described above.
    """
    path = rule.examples_path
    try:
        return _parse(path, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise RuleError(f"{path}: no examples", hint="write one that fires and a near miss") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RuleError(f"{path}: {error}") from error


def _parse(path: Path, content: object) -> tuple[Example, ...]:
    named: Mapping[str, Record] = {}
    cases = content
    if isinstance(content, dict):
        if set(content) != {"records", "examples"} or not isinstance(content["records"], dict):
            raise ValueError('an object must have "records", by name, and "examples"')
        named, cases = content["records"], content["examples"]
    if not isinstance(cases, list):
        raise ValueError("examples are a list")  # noqa: TRY004 - the file is wrong, not the call
    examples = tuple(_example(case, named) for case in cases)
    names = [example.name for example in examples]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path.name} has two examples named {twice[0]!r}")
    return examples


def _example(case: object, named: Mapping[str, Record]) -> Example:
    if not isinstance(case, dict) or not {"name", "alerts", "records"} <= set(case) <= _KEYS:
        raise ValueError('an example is {"name", "alerts", "records"} and perhaps "severity", "summary", "bucket"')
    name, alerts, records = case["name"], case["alerts"], case["records"]
    if not isinstance(name, str) or not isinstance(alerts, int) or not isinstance(records, list):
        raise ValueError(f"example {name!r}: name is text, alerts a number, records a list")  # noqa: TRY004
    bucket = case.get("bucket")
    if not isinstance(bucket, str | None):
        raise ValueError(f"example {name!r}: bucket is text")  # noqa: TRY004
    severities = _each(case, "severity", alerts)
    summaries = _each(case, "summary", alerts)
    try:
        made = tuple(_record(record, named, position) for position, record in enumerate(records))
    except KeyError as error:
        raise ValueError(f"example {name!r}: no record is named {error}") from error
    integrity = tuple(map(_integrity, case.get("integrity", [])))
    return Example(name, alerts, tuple(s and Severity(s) for s in severities), summaries, made, bucket, integrity)


_KEYS = {"name", "alerts", "records", "severity", "summary", "bucket", "integrity"}


def _integrity(row: object) -> Record:
    if not isinstance(row, dict):
        raise ValueError("a row of integrity is an object")  # noqa: TRY004 - the file is wrong
    return {
        name: datetime.fromisoformat(value) if name.endswith("_time") and isinstance(value, str) else value
        for name, value in row.items()
    }


def _each(case: Mapping[str, Any], key: str, alerts: int) -> tuple[Any, ...]:
    """Return what an example says of each of its alerts."""
    values = case.get(key)
    each = values if isinstance(values, list) else [values] * alerts
    if len(each) != alerts:
        raise ValueError(f"example {case['name']!r}: {len(each)} values of {key} for {alerts} alerts")
    return tuple(each)


def _record(record: object, named: Mapping[str, Record], position: int) -> Record:
    patch = {"like": record} if isinstance(record, str) else record
    if not isinstance(patch, dict):
        raise ValueError(f"record {position} is neither an object nor a name")  # noqa: TRY004 - the file is wrong
    if "like" not in patch:
        return patch
    own_id = {"eventID": f"00000000-0000-4000-8000-{position:012d}"}
    changes = {key: value for key, value in patch.items() if key != "like"}
    return merge_patch(named[patch["like"]], own_id | changes)


def merge_patch(target: object, patch: Mapping[str, Any]) -> Record:
    """Return an object with a JSON merge patch (RFC 7396) applied: null removes a field."""
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value) if isinstance(value, dict) else value
    return result
