"""Summaries on stderr of what a command read, alerted, delivered or watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from detector.cli.terminal import inform, manners, say, say_error
from detector.errors import DetectorError
from detector.lake_layout import is_part_key
from detector.severity import Severity
from detector.text import counted
from detector.times import now, rfc3339

if TYPE_CHECKING:
    from detector.alerts.alert import Alert
    from detector.alerts.delivery import Delivery
    from detector.cli.options import OutputOptions
    from detector.detect.detect import Detection
    from detector.lake.compaction import Compacted
    from detector.lake.ledger.gaps import OpenGaps
    from detector.lake.place import LakePlace
    from detector.run_report import RunReport
    from detector.watch.progress import Watched

_REFUSED_BY_NAME = 10
REPAIR = "detector lake repair sets damaged parts aside; then ingest their source once more"
_ALERTS_BY_NAME, _SUMMARY_LENGTH = 10, 300


@contextmanager
def reported(sources: Sequence[str], file: Path | None, *, into_lake: bool = True) -> Iterator[RunReport]:
    """Hand out a run report and, however the block ends, show it and write it.

    Raises:
        SinkError: the file cannot be written; mostly found out before the block begins.
    """
    from detector.cli.report_lines import report_lines, trouble_lines
    from detector.run_report import RunReport

    report = RunReport(now(), tuple(sources), into_lake)
    if file is not None:
        report.create(file)
    try:
        yield report
    except (DetectorError, KeyboardInterrupt) as error:
        report.error = str(error) or "interrupted"
        raise
    finally:
        report.ended = now()
        for line in report_lines(report):
            inform(line)
        for line in trouble_lines(report):
            say(line)
        if file is not None:
            report.write(file)


def say_unlisted(lake: LakePlace, unlisted: Sequence[Path]) -> None:
    """Warn of parts that are left out, because the ledger of the lake does not know them."""
    if unlisted:
        say(
            f"warning: {lake} holds {counted(len(unlisted), 'part')} that its ledger does not know, such as"
            f" {unlisted[0]}; left out: see detector lake check, detector lake repair"
        )


def say_gaps(gaps: OpenGaps, *, most: int) -> None:
    """Name what was asked for and could not be listed or read, and has not been since."""
    for gap in gaps.first[:most]:
        seen = f", since {gap.first_seen:%Y-%m-%d}" if gap.first_seen else ""
        say(f"gap: {gap.uri}: {gap.reason}{seen}")
    if gaps.count > most:
        say(f"gap: … and {gaps.count - most:,} more")


def say_gaps_in(lake: LakePlace, gaps: OpenGaps, *, allowable: bool = True) -> None:
    """Warn in one line of what an answer from a lake does not rest on.

    Args:
        lake: its place.
        gaps: in it.
        allowable: the command has `--allow-gaps`.
    """
    if gaps.count:
        first = gaps.first[0]
        say(f"warning: {counted(gaps.count, 'gap')} in {lake}: {first.uri}: {first.reason}{' …' * (gaps.count > 1)}")
        remedy = REPAIR if any(is_part_key(gap.uri) for gap in gaps.first) else "ingest their source once more"
        more = ", or give --allow-gaps" if allowable else ""
        say(f"hint: `detector status --lake {lake}` names them; {remedy}{more}")


def say_left(days: Sequence[Compacted]) -> None:
    """Warn of the days that a compaction left as they are."""
    for one in days:
        say(f"warning: the parts of {one.day.event_date} are left as they are: {one.damage}")
    if days:
        say(f"hint: {REPAIR}")


def say_warnings(detection: Detection, delivery: Delivery) -> None:
    """Write the warnings of a detection and of its delivery."""
    for warning in [*detection.warnings, *delivery.warnings]:
        say(f"warning: {warning}")


def say_errors(detection: Detection) -> None:
    """Name the rules that did not run."""
    for error in detection.errors:
        say_error(error)


def say_alerts(detection: Detection, written: Sequence[Alert], output: OutputOptions) -> None:
    """Say how many alerts there are, after the rules that did not run, and name the worst where nobody sees them."""
    say_errors(detection)
    worst = _worst(written, output) if manners.quiet or not output.are_on_standard_output else []
    by_severity = [(severity, sum(alert.severity is severity for alert in written)) for severity in reversed(Severity)]
    listed = ", ".join(f"{count} {severity}" for severity, count in by_severity if count)
    suppressed = sum(alert.suppressed_by is not None for alert in written)
    (say if worst else inform)(
        counted(len(written), "alert")
        + (f": {listed}" if listed else "")
        + (f"; {suppressed} of them suppressed" if suppressed else "")
    )
    for alert in worst[:_ALERTS_BY_NAME]:
        say(f"{alert.severity}: {rfc3339(alert.time)} {alert.summary[:_SUMMARY_LENGTH]} ({alert.rule_id})")
    if len(worst) > _ALERTS_BY_NAME:
        say(f"… and {len(worst) - _ALERTS_BY_NAME:,} more as severe")


def _worst(written: Sequence[Alert], output: OutputOptions) -> list[Alert]:
    """Return the alerts that somebody should know of at once, the most severe first: by default the critical ones."""
    threshold = output.fail_on or Severity.CRITICAL
    severe = [alert for alert in written if alert.suppressed_by is None and alert.severity.is_at_least(threshold)]
    return sorted(severe, key=lambda alert: list(Severity).index(alert.severity), reverse=True)


def say_delivery(delivery: Delivery, *, remembered: bool) -> None:
    """Name the alerts that an output did not take, and what becomes of them.

    Args:
        remembered: whether the lake keeps them for the next run.
    """
    for one in delivery.undelivered:
        say(f"error: {counted(one.alerts, one.noun)} not delivered to {one.sink}: {one.reason}")
        fate = "kept in the lake; the next run with this --output sends what is left" if remembered else "run it again"
        say(f"hint: {one.hint}; {fate}" if one.hint else f"hint: {fate}")
    for refused in delivery.refused[:_REFUSED_BY_NAME]:
        say(f"error: alert {refused.alert_id} is refused by {refused.sink}: {refused.reason}")
    if len(delivery.refused) > _REFUSED_BY_NAME:
        say(f"error: … and {len(delivery.refused) - _REFUSED_BY_NAME:,} more")
    if delivery.refused:
        kept = "kept in the lake: `detector outbox` shows it, and --retry sends it again"
        were_others_sent = delivery.accepting >= {refused.sink for refused in delivery.refused}
        sent = "the other alerts were sent" if were_others_sent else "no alert was sent there; check the output"
        say(f"hint: {kept if remembered else sent}")


def say_watched(watched: Watched) -> None:
    """Write the totals of a watch."""
    totals = watched.totals
    if totals.received:
        inform(
            f"{counted(totals.received, 'message')} received, {totals.deleted:,} deleted, "
            f"{totals.poison:,} not understood"
        )
    inform(
        f"{counted(totals.ingested, 'object')} ingested, {counted(totals.records, 'record')}, "
        f"{counted(totals.alerts.total(), 'alert')}"
    )
    for uri, reason in list(watched.unread.items())[:10]:
        say(f"not read: {uri}: {reason}")
    if len(watched.unread) > 10:
        say(f"not read: … and {len(watched.unread) - 10:,} more")
