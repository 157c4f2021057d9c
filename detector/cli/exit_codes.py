"""From what happened to the exit code. Scripts depend on it: docs/reference/exit-codes.md has the same table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from detector.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Container

    from detector.alerts.alert import Alert
    from detector.alerts.delivery import Delivery
    from detector.bundle.check import Checked
    from detector.errors import DetectorError
    from detector.posture.answer import Answer
    from detector.run_report import RunReport
    from detector.verify.integrity import Integrity
    from detector.watch.progress import Watched

DONE, FAILED_ON, ERROR, NO_LOG_OBJECTS, INCOMPLETE, DAMAGED = range(6)
INTERRUPTED = 130


def exit_code(
    report: RunReport | None,
    errors: Sequence[DetectorError] = (),
    written: Sequence[Alert] = (),
    fail_on: Severity | None = None,
    delivery: Delivery | None = None,
    *,
    gaps: int = 0,
    lacks_proof: bool = False,
) -> int:
    """Return the exit code of a run; of several that apply, the first of: error, damaged, alert, incomplete, nothing.

    Args:
        report: of the ingest, None when there was none.
        errors: rules that did not run.
        written: the alerts of this run; a suppressed one does not count.
        fail_on: `--fail-on`.
        delivery: of the alerts; one that an output did not take makes the run incomplete.
        gaps: in the lake, unless they are allowed.
        lacks_proof: an answer that AWS vouches for was required, and this is none.
    """
    integrity = report.integrity if report else None
    if errors:
        return ERROR
    if integrity and integrity.is_damaged:
        return DAMAGED
    if fail_on and any(alert.suppressed_by is None and alert.severity.is_at_least(fail_on) for alert in written):
        return FAILED_ON
    is_unproven = integrity is not None and integrity.is_unproven
    if lacks_proof or gaps or (report and report.is_incomplete) or (delivery and delivery.is_incomplete) or is_unproven:
        return INCOMPLETE
    if report and not report.has_log_objects:
        return NO_LOG_OBJECTS
    return DONE


def watch_exit_code(watched: Watched, *, once: bool, is_queue: bool) -> int:
    """Return the exit code of a watch, of several that apply the first in the same order.

    Args:
        once: `--once`; a watch that a signal ended does not fail for what it could not read.
        is_queue: an empty queue is no news; an empty prefix must not look like a clean account.
    """
    if watched.rule_errors:
        return ERROR
    if watched.is_damaged:
        return DAMAGED
    if watched.has_reached:
        return FAILED_ON
    if not once:
        return DONE
    if watched.is_incomplete or watched.is_unproven:
        return INCOMPLETE
    return DONE if is_queue or watched.has_log_objects else NO_LOG_OBJECTS


def verify_exit_code(integrity: Integrity) -> int:
    """Return the exit code of verifying; of several that apply, the first of: damaged, not proven, nothing there."""
    if integrity.is_damaged:
        return DAMAGED
    if integrity.is_unproven:
        return INCOMPLETE
    return NO_LOG_OBJECTS if integrity.is_empty else DONE


def posture_exit_code(answers: Sequence[Answer], failing: Container[str], *, is_incomplete: bool) -> int:
    """Return the exit code of a posture, of several that apply the first in the same order.

    Args:
        answers: all that were given.
        failing: the answers that `--fail-on` names.
        is_incomplete: an account, or a call, could not be asked, or the lake has gaps.
    """
    if any(answer.status in failing for answer in answers):
        return FAILED_ON
    if is_incomplete:
        return INCOMPLETE
    return DONE if answers else NO_LOG_OBJECTS


def bag_exit_code(checked: Checked) -> int:
    """Return the exit code of checking a bag; of several that apply, the first of: damaged, not proven."""
    if checked.is_damaged:
        return DAMAGED
    return INCOMPLETE if checked.is_unproven else DONE
