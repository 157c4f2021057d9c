"""`detector scan`: alerts from raw logs, without a lake."""

from __future__ import annotations

import typer

from detector.cli.answer import say_basis
from detector.cli.exit_codes import exit_code
from detector.cli.nothing_found import check_something_found
from detector.cli.options import ConnectionOptions, OutputOptions, ReadOptions, RuleOptions, Sources
from detector.cli.progress import progress_bar
from detector.cli.sources import open_sources
from detector.cli.summary import reported, say_alerts, say_delivery


def scan_command(
    sources: Sources,
    reading: ReadOptions,
    connection: ConnectionOptions,
    rules: RuleOptions,
    output: OutputOptions,
) -> None:
    """Run the rules over raw logs, without a lake.

    Writes the alerts that `ingest` and `detect` would. Rules see only what is read now, no earlier history. --since
    and --until choose the days that are read, and by their last event the alerts that are written. The last line on
    stderr says what the answer rests on.

    Exit codes: 0 done and everything was read, 1 an alert reached --fail-on, 2 bad usage, bad rule or an error,
    3 no log objects found, 4 some could not be read, or an output did not take all alerts.

    Example: detector scan s3://my-trail-bucket --since 7d | jq -r .summary
    """
    from detector.engines.opening import open_engine

    engine = open_engine(reading.engine, jobs=reading.jobs, preload="detector.scan.worker")
    from detector.scan.scan import scan

    scope, aws = reading.scope(), connection.aws(reading.engine)
    entries = rules.entries()
    with (
        engine as at,
        output.open() as outputs,
        reported(sources, reading.report, into_lake=False) as report,
    ):
        with progress_bar() as progress:
            opened = open_sources(sources, aws, root_only=reading.root_only)
            events = scan(opened, scope, report, jobs=reading.jobs, progress=progress, engine=at)
        # Not before: importing DuckDB would keep the workers waiting.
        from detector.detect.basis import basis_of, found_text
        from detector.detect.emission import write_alerts

        detection = rules.detect(events, entries, sees_all_events=False)
        selection = output.selection(scope.since, scope.until)
        written = list(filter(selection.takes, detection.alerts))
        delivery = write_alerts(written, outputs, output.retry_policy())
        report.add_alerts(alert.severity for alert in written)
        report.add_delivery(delivery)
        report.warnings += detection.warnings
        unread = report.failed + len(report.unreadable_prefixes)
        basis = basis_of(detection, selection, objects=report.ingested, gaps=unread)
        found = found_text(len(written), output.min_severity)
        report.rests_on = basis.to_json(found)
    say_alerts(detection, written, output)
    say_delivery(delivery, remembered=False)
    say_basis(basis, found)
    code = exit_code(report, detection.errors, written, output.fail_on, delivery)
    check_something_found(code, report, scope)
    raise typer.Exit(code)
