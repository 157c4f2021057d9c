"""`detector run`: ingest and detect, as a nightly job does it."""

from __future__ import annotations

from functools import partial

import typer

from detector.cli.answer import AnswerOptions, say_basis
from detector.cli.exit_codes import exit_code
from detector.cli.ingest import ingest_sources
from detector.cli.integrity_options import IntegrityOptions
from detector.cli.lake_option import Lake
from detector.cli.nothing_found import check_something_found
from detector.cli.options import ConnectionOptions, OutputOptions, ReadOptions, RuleOptions, Sources
from detector.cli.summary import reported, say_alerts, say_delivery, say_gaps_in, say_left
from detector.times import now

# A day with so many new parts, or rows in them, is compacted in the end.
_UNCLASSIFIED_PARTS, _UNCLASSIFIED_ROWS = 8, 20_000


def run_command(
    sources: Sources,
    lake: Lake,
    reading: ReadOptions,
    connection: ConnectionOptions,
    rules: RuleOptions,
    output: OutputOptions,
    answer: AnswerOptions = AnswerOptions(),  # noqa: B008 - frozen
    integrity: IntegrityOptions = IntegrityOptions(),  # noqa: B008
) -> None:
    """Ingest what is new, write the new alerts.

    An alert is new when it has not been written before, or is more severe now. --since and --until choose the days
    that are read, and by their last event the alerts that are written. It is safe to repeat `run`, and to kill it. The
    last line on stderr says what the answer rests on.

    Exit codes: 0 done and everything was read, 1 an alert reached --fail-on, 2 bad usage, bad rule or an error,
    3 no log objects found, 4 some could not be read, now or earlier, or an output did not take all alerts: those go out
    next time; or with --verify or --require not proven, 5 with --verify: something is not as AWS signed it.

    Example: detector run s3://my-trail-bucket --lake lake/ --output alerts.jsonl
    """
    from detector.engines.opening import open_engine

    engine = open_engine(reading.engine, jobs=reading.jobs, preload="detector.lake.part_writer", lake=lake)
    from detector.detect.basis import basis_of, found_text
    from detector.detect.emission import may_be_news, write_new_alerts
    from detector.lake.reader import read_lake_with_integrity
    from detector.lake.writer import open_to_write
    from detector.rules.candidates import candidates

    scope, aws = reading.scope(), connection.aws(reading.engine)
    sought = candidates()
    entries = rules.entries()
    selection = output.selection(scope.since, scope.until)
    with (
        engine as at,
        output.open() as outputs,
        reported(sources, reading.report) as report,
        open_to_write(lake) as writer,
    ):
        ingest_sources(sources, aws, scope, writer, report, reading, integrity, at)
        is_of_interest = partial(may_be_news, ledger=writer.ledger)
        window = (selection.since, selection.until)
        events = read_lake_with_integrity(lake, sought.digest, now(), window, fetches_all=False)
        detection = rules.detect(events, entries, is_of_interest=is_of_interest)
        alerts = filter(selection.takes, detection.alerts)
        written, delivery = write_new_alerts(alerts, outputs, writer.ledger, output.retry_policy())
        report.add_alerts(alert.severity for alert in written)
        report.add_delivery(delivery)
        report.warnings += detection.warnings
        left_out = events.gaps.count
        basis = basis_of(
            detection, selection, objects=events.objects, gaps=left_out, attested=events.attested, shown=written
        )
        found = found_text(len(written), output.min_severity, new=True)
        report.rests_on = basis.to_json(found)
        compacted = writer.compact(
            sought,
            jobs=reading.jobs,
            engine=at,
            unclassified_parts=_UNCLASSIFIED_PARTS,
            unclassified_rows=_UNCLASSIFIED_ROWS,
        )
        left = [one for one in compacted if one.damage is not None]
    say_alerts(detection, written, output)
    say_delivery(delivery, remembered=True)
    earlier = events.gaps.without({one.uri for one in (*report.unreadable_prefixes, *report.failures)})
    say_gaps_in(lake, earlier)
    say_left(left)
    is_unmet = answer.is_unmet(basis)
    say_basis(basis, found, must=is_unmet)
    gaps = 0 if answer.allow_gaps else earlier.count + len(left)
    code = exit_code(report, detection.errors, written, output.fail_on, delivery, gaps=gaps, lacks_proof=is_unmet)
    check_something_found(code, report, scope)
    raise typer.Exit(code)
