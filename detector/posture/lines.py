"""Answers and changes for programs: one JSON object a line, or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any, Final

from detector.posture.answer import Answer
from detector.posture.change import Change
from detector.posture.device import Device, DeviceEvent
from detector.text import spreadsheet_cell
from detector.times import rfc3339

SCHEMA: Final = "detector.posture/1"
CHANGE_SCHEMA: Final = "detector.posture-change/1"
DEVICE_CHECK: Final = "root_mfa_enabled"  # its line brings the devices along


def answer_object(answer: Answer, devices: Sequence[Device] = ()) -> dict[str, Any]:
    """Return an answer as `json_schema` has it; the devices are of its account."""
    return {
        "schema": SCHEMA,
        "account_id": answer.account_id,
        "check": answer.check.id,
        "step": answer.check.step,
        "status": answer.status,
        "value": answer.value,
        "detail": answer.detail,
        "as_of": _time(answer.as_of),
        "seen_until": _time(answer.seen_until),
        "source": answer.source,
        "evidence": list(answer.evidence),
        "devices": [_device(device) for device in devices] if answer.check.id == DEVICE_CHECK else [],
        "next": answer.next,
    }


def change_object(change: Change) -> dict[str, Any]:
    """Return a change as an object."""
    return {
        "schema": CHANGE_SCHEMA,
        "account_id": change.account_id,
        "check": change.check.id,
        "step": change.check.step,
        "time": rfc3339(change.time),
        "before": change.before,
        "after": change.after,
        "detail": change.detail,
        "evidence": list(change.evidence),
    }


def jsonl(objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each object as a line."""
    for one in objects:
        yield json.dumps(one) + "\n"


def csv_lines(objects: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    """Yield a heading, and each object as a line; lists have spaces between their members."""
    yield _csv_line(columns)
    for one in objects:
        yield _csv_line([_cell(one[column]) for column in columns])


ANSWER_COLUMNS: Final = (
    "account_id", "check", "step", "status", "value", "detail", "as_of", "seen_until", "source", "evidence", "next",
)  # fmt: skip
CHANGE_COLUMNS: Final = ("account_id", "check", "step", "time", "before", "after", "detail", "evidence")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema that every answer satisfies."""
    text = resources.files("detector.posture").joinpath("posture.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _device(device: Device) -> dict[str, Any]:
    return {
        "serial": device.serial,
        "kind": device.kind,
        "enrolled": _event(device.enrolled),
        "used": _event(device.used),
        "removed": _event(device.removed),
    }


def _event(event: DeviceEvent | None) -> dict[str, str] | None:
    if event is None:
        return None
    return {"time": rfc3339(event.time), "actor": event.actor, "source_ip": event.source_ip, "event_id": event.event_id}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _cell(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _csv_line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(map(spreadsheet_cell, cells))
    return buffer.getvalue()
