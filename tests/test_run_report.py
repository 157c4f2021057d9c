"""The run report is a document that scripts read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detector.alerts.delivery import Delivery, Refused, Undelivered
from detector.errors import SinkError
from detector.records.rejected import RejectedRecord
from detector.run_report import RunReport
from detector.sources.log_source import LeftOut, Unreadable

STARTED = datetime(2026, 3, 1, 12, 30, 5, 999, tzinfo=UTC)


def a_report() -> RunReport:
    report = RunReport(STARTED, ("s3://b",))
    report.listed, report.ingested, report.already_in = 5, 1, 1
    report.skip("s3://b/c", "CloudTrail digest")
    report.skip_for_content(LeftOut("s3://b/d", "CloudTrail digest"))
    report.fail(Unreadable("s3://b/k", "access denied"))
    report.unreadable_prefixes.append(Unreadable("s3://b/p/", "access denied"))
    report.leave_out(LeftOut("s3://b/q/", "before --since"))
    report.records, report.rows = 3, 2
    report.reject([RejectedRecord("s3://b/k", 0, "no eventTime")])
    report.add_alerts(["high", "low", "high"])
    undelivered = Undelivered("hec+https://splunk", 2, "HTTP 403", "the token")
    report.add_delivery(Delivery(3, [undelivered], [Refused("https://hook", "id-1", "HTTP 400")], ["watch out"]))
    return report


def test_the_document_holds_every_count_and_name(tmp_path: Path) -> None:
    report = a_report()
    report.ended = STARTED
    report.write(tmp_path / "report.json")
    document = json.loads((tmp_path / "report.json").read_text())
    assert document == {
        "schema": "detector.report/1",
        "started": "2026-03-01T12:30:05Z",
        "ended": "2026-03-01T12:30:05Z",
        "sources": ["s3://b"],
        "complete": False,
        "error": None,
        "objects": {"listed": 5, "ingested": 1, "already_in": 1, "skipped": 2, "failed": 1},
        "bytes_read": 0,
        "records": {"read": 3, "rows": 2, "rejected": 1, "rejected_not_kept": 0, "duplicates": 0},
        "alerts": {"high": 2, "low": 1},
        "alerts_not_delivered": [{"output": "hec+https://splunk", "alerts": 2, "reason": "HTTP 403"}],
        "alerts_refused": [{"output": "https://hook", "alert_id": "id-1", "reason": "HTTP 400"}],
        "skipped_reasons": {"CloudTrail digest": 2},
        "skipped_for_content": [{"uri": "s3://b/d", "reason": "CloudTrail digest"}],
        "failures": [{"uri": "s3://b/k", "reason": "access denied"}],
        "unreadable_prefixes": [{"uri": "s3://b/p/", "reason": "access denied"}],
        "left_out": [{"uri": "s3://b/q/", "reason": "before --since"}],
        "rejected": [{"uri": "s3://b/k", "index": 0, "reason": "no eventTime"}],
        "warnings": ["watch out"],
    }


def test_complete_means_that_everything_was_read() -> None:
    report = RunReport(STARTED)
    assert report.to_json()["complete"] is True
    assert report.to_json()["ended"] is None
    report.reject([RejectedRecord("u", 0, "r")])
    report.skip("s3://b/c", "digest")
    assert report.to_json()["complete"] is True
    report.error = "the disk is full"
    assert report.to_json()["complete"] is False
    report = RunReport(STARTED)
    report.unreadable_prefixes.append(Unreadable("s3://b/p/", "access denied"))
    assert report.is_incomplete
    for delivery in (Delivery(undelivered=[Undelivered("-", 1, "", "")]), Delivery(refused=[Refused("-", "id", "")])):
        report = RunReport(STARTED)
        report.add_delivery(delivery)
        assert report.is_incomplete


def test_rejected_records_are_all_counted_and_the_first_thousand_named() -> None:
    report = RunReport(STARTED)
    for start in range(0, 3_000, 700):
        report.reject([RejectedRecord("u", index, "r") for index in range(start, start + 700)])
    assert report.rejected == 3_500
    assert [one["index"] for one in report.to_json()["rejected"]] == list(range(1_000))


def test_a_report_that_cannot_be_written_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"cannot write the report .*missing"):
        a_report().write(tmp_path / "missing/report.json")
