"""The run report: what was listed, read, left out and not readable. The proof behind "nothing found"."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.errors import SinkError
from detector.records.rejected import RejectedRecord
from detector.sources.log_source import LeftOut, Unreadable
from detector.sources.seen import Seen
from detector.times import rfc3339

if TYPE_CHECKING:
    from detector.alerts.delivery import Delivery, Refused, Undelivered
    from detector.verify.integrity import Integrity

_LISTED_BY_NAME = 1_000


@dataclass(slots=True)
class RunReport:
    """Counts of one run. `listed = ingested + already_in + skipped + failed`; `records = rows + rejected`."""

    started: datetime
    sources: tuple[str, ...] = ()
    into_lake: bool = True  # False: what is read is not kept; `ingested` and `rows` then count what was read
    ended: datetime | None = None
    sources_listed: int = 0  # to their end
    listed: int = 0
    ingested: int = 0
    already_in: int = 0
    skipped: int = 0
    failed: int = 0
    bytes_read: int = 0  # as stored, compressed
    records: int = 0
    rows: int = 0
    rejected: int = 0
    unkept: int = 0  # rejected records whose bytes the lake does not keep: too many in one object
    duplicates: int = 0  # rows that are further copies of an event in the lake
    alerts: Counter[str] = field(default_factory=Counter)  # by severity
    undelivered: list[Undelivered] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    skipped_reasons: Counter[str] = field(default_factory=Counter)
    skipped_for_content: list[LeftOut] = field(default_factory=list)  # the first 1,000; names tell of the others
    failures: list[Unreadable] = field(default_factory=list)  # objects
    unreadable_prefixes: list[Unreadable] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    rejected_reasons: list[RejectedRecord] = field(default_factory=list)  # of the first 1,000
    warnings: list[str] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)  # what is left out or skipped, so that a wrong prefix can be put right
    error: str | None = None  # what ended the run early
    integrity: Integrity | None = None  # None: nobody asked for it
    rests_on: Mapping[str, Any] | None = None  # what the answer of rules rests on; None: there was none

    @property
    def is_incomplete(self) -> bool:
        """True when something in scope could not be read, or an output did not take an alert."""
        return bool(self.failed or self.unreadable_prefixes or self.undelivered or self.refused)

    @property
    def is_listed(self) -> bool:
        """True when nothing more will be listed."""
        return self.sources_listed >= len(self.sources)

    @property
    def done(self) -> int:
        """How many of the listed objects have been dealt with."""
        return self.ingested + self.already_in + self.skipped + self.failed

    @property
    def has_log_objects(self) -> bool:
        """False when nothing that was listed looks like a log."""
        return self.listed > self.skipped

    def fail(self, failure: Unreadable) -> None:
        """Count an object that could not be read, or not whole."""
        self.failed += 1
        self.failures.append(failure)

    def skip(self, uri: str, reason: str) -> None:
        """Count an object of another kind."""
        self.skipped += 1
        self.skipped_reasons[reason] += 1
        self.seen.note(uri)

    def leave_out(self, left_out: LeftOut) -> None:
        """Name what is not read because of the scope, or for what it is."""
        self.left_out.append(left_out)
        self.seen.note(left_out.uri)

    def skip_for_content(self, skipped: LeftOut) -> None:
        """Count and name an object whose content says that it is of another kind."""
        self.skip(skipped.uri, skipped.reason)
        if len(self.skipped_for_content) < _LISTED_BY_NAME:
            self.skipped_for_content.append(skipped)

    def reject(self, records: Sequence[RejectedRecord], unnamed: int = 0) -> None:
        """Count records that are no rows; where there is a lake, the bytes of those that are named are in it."""
        self.rejected += len(records) + unnamed
        self.unkept += unnamed if self.into_lake else 0
        self.rejected_reasons += records[: max(0, _LISTED_BY_NAME - len(self.rejected_reasons))]

    def add_alerts(self, severities: Iterable[str]) -> None:
        """Count alerts that were written."""
        self.alerts.update(str(severity) for severity in severities)

    def add_delivery(self, delivery: Delivery) -> None:
        """Name the alerts that an output did not take."""
        self.undelivered += delivery.undelivered
        self.refused += delivery.refused
        self.warnings += delivery.warnings

    def to_json(self) -> dict[str, Any]:
        """Return the report as `--report` writes it."""
        return {
            "schema": "detector.report/1",
            "started": rfc3339(self.started.replace(microsecond=0)),
            "ended": None if self.ended is None else rfc3339(self.ended.replace(microsecond=0)),
            "sources": list(self.sources),
            "complete": not self.is_incomplete and self.error is None,
            "error": self.error,
            "objects": {
                "listed": self.listed,
                "ingested": self.ingested,
                "already_in": self.already_in,
                "skipped": self.skipped,
                "failed": self.failed,
            },
            "bytes_read": self.bytes_read,
            "records": {
                "read": self.records,
                "rows": self.rows,
                "rejected": self.rejected,
                "rejected_not_kept": self.unkept,
                "duplicates": self.duplicates,
            },
            "alerts": dict(self.alerts),
            "alerts_not_delivered": [
                {"output": one.sink, "alerts": one.alerts, "reason": one.reason} for one in self.undelivered
            ],
            "alerts_refused": [
                {"output": one.sink, "alert_id": one.alert_id, "reason": one.reason} for one in self.refused
            ],
            "skipped_reasons": dict(self.skipped_reasons),
            "skipped_for_content": _named(self.skipped_for_content),
            "failures": _named(self.failures),
            "unreadable_prefixes": _named(self.unreadable_prefixes),
            "left_out": _named(self.left_out),
            "rejected": list(map(asdict, self.rejected_reasons)),
            "warnings": self.warnings,
            **({} if self.integrity is None else {"integrity": self.integrity.to_json()}),
            **({} if self.rests_on is None else {"rests_on": self.rests_on}),
        }

    @staticmethod
    def create(path: Path) -> None:
        """Make the file that a report is to be written to; what is in it stays until then.

        Raises:
            SinkError: it cannot be written.
        """
        try:
            if path.is_file() or not path.exists():  # a pipe would wait here for a reader
                path.open("a").close()
            elif path.is_dir():
                raise IsADirectoryError(None, "Is a directory")
        except OSError as error:
            raise _not_written(path, error) from error

    def write(self, path: Path) -> None:
        """Write the report as one JSON document.

        Raises:
            SinkError: the file cannot be written.
        """
        try:
            path.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> SinkError:
    return SinkError(f"cannot write the report {path}: {error.strerror}", hint="give another --report")


def _named(entries: Iterable[Unreadable | LeftOut]) -> list[dict[str, str]]:
    return [{"uri": entry.uri, "reason": entry.reason} for entry in entries]
