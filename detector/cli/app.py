"""The command line: parse, call, print, exit. No detection logic here.

duckdb, pyarrow and boto3 are imported inside the commands: `--help` must not wait for them.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from detector import __version__
from detector.alerts.formats.names import AlertFormat
from detector.cli import options
from detector.cli.exit_codes import INTERRUPTED, exit_code
from detector.cli.lake import compact_command, sql_command, status_command
from detector.cli.ledger import lake_app
from detector.cli.outbox import outbox_command
from detector.cli.rules import rules_app
from detector.cli.scan import scan_command
from detector.cli.summary import reported, say_alerts, say_delivery, say_errors, say_unlisted
from detector.cli.terminal import progress_bar, say, say_error
from detector.cli.watch import explain_message_command, watch_command
from detector.errors import DetectorError, OutputClosed, UsageError
from detector.severity import Severity
from detector.text import counted
from detector.times import now

if TYPE_CHECKING:
    from detector.lake.writer import LakeWriter
    from detector.run_report import RunReport
    from detector.scope import Scope
    from detector.sources.aws_session import AwsOptions

app = typer.Typer(
    name="detector",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(rules_app, name="rules")
app.add_typer(lake_app, name="lake")
_verbose = False
# A day with so many new parts, or rows in them, is compacted at the end of `run`.
_UNCLASSIFIED_PARTS, _UNCLASSIFIED_ROWS = 8, 20_000


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"detector {__version__}")
        raise typer.Exit


@app.callback()
def _detector(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks of errors.")] = False,
    version: Annotated[  # noqa: ARG001 - the callback prints it
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What was done with the AWS root user, and what happened to MFA and the trail around it, from CloudTrail logs.

    Exit codes: 0 done and everything was read, 1 an alert reached --fail-on, 2 bad usage, bad rule or an error,
    3 no log objects found, 4 incomplete: something could not be read, or alerts could not be delivered.
    """
    global _verbose
    _verbose = verbose


@app.command(name="ingest")
def ingest_command(
    sources: options.Sources,
    lake: options.Lake,
    since: options.Since = None,
    until: options.Until = None,
    account: options.Accounts = None,
    region: options.Regions = None,
    look_ahead_days: options.LookAhead = 1,
    profile: options.Profile = None,
    role_arn: options.RoleArn = None,
    endpoint_url: options.EndpointUrl = None,
    root_only: options.RootOnly = False,
    jobs: options.Jobs = options.CORES,
    report_file: options.Report = None,
) -> None:
    """Bring the log objects of a source into a lake. Objects that are in already are not read again.

    Exit codes: 0 everything in scope was read, 2 an error, 3 no log objects found, 4 some could not be read.

    Example: detector ingest s3://my-trail-bucket --lake lake/ --since 7d
    """
    from detector.workers import prestart_workers

    prestart_workers(jobs, "detector.lake.part_writer")
    from detector.lake.writer import open_to_write

    scope = options.scope(account, region, since, until, look_ahead_days)
    aws = options.aws_options(profile, role_arn, endpoint_url)
    with reported(sources, report_file) as report, open_to_write(lake) as writer:
        _ingest(sources, aws, scope, writer, report, jobs, root_only=root_only)
    raise typer.Exit(exit_code(report))


@app.command(name="detect")
def detect_command(
    lake: options.Lake,
    rules: options.Rules = None,
    suppressions: options.Suppressions = None,
    since: options.Since = None,
    until: options.Until = None,
    min_severity: options.MinSeverity = Severity.INFO,
    format_: options.Format = None,
    output: options.Output = None,
    new: Annotated[bool, typer.Option("--new", help="Only alerts not written before, or now more severe.")] = False,
    withdrawn: Annotated[
        bool, typer.Option("--withdrawn", help="Instead, list written alerts that the lake no longer supports.")
    ] = False,
    fail_on: options.FailOn = None,
    rule_seconds: options.RuleSeconds = 60,
    rule_findings: options.RuleFindings = 100_000,
    delivery_seconds: options.DeliverySeconds = 60,
) -> None:
    """Run the rules over a lake and write one alert per line.

    Rules always see the whole lake; --since and --until choose which alerts are written, by their last event.
    Later data can take an alert back that --new or `run` has written: --withdrawn lists those.

    Exit codes: 0 done, 1 an alert reached --fail-on, 2 bad usage, bad rule or an error, 4 an output did not take all
    alerts.

    Example: detector detect --lake lake/ --min-severity high | jq -r .summary
    """
    from detector.alerts.delivery import RetryPolicy
    from detector.alerts.sinks.opening import open_outputs
    from detector.detect.detect import detect
    from detector.detect.emission import may_be_news, write_alerts, write_new_alerts
    from detector.detect.selection import Selection
    from detector.detect.withdrawal import withdrawn_alerts, write_withdrawn
    from detector.lake.reader import read_emitted, read_lake
    from detector.lake.writer import open_to_write
    from detector.rules.candidates import candidates

    if withdrawn and (new or fail_on or format_ not in (None, AlertFormat.NATIVE)):
        raise UsageError("--withdrawn goes with none of --new, --fail-on, --format", hint="leave those out")
    entries = options.suppressions(suppressions)
    selection = Selection(*options.window(since, until), min_severity)
    retry_policy = RetryPolicy(delivery_seconds)
    emitted = read_emitted(lake) if withdrawn else []
    digest = candidates().digest
    events = read_lake(lake, digest)  # before the lock: a lake that does not exist is an error, not a new lake
    say_unlisted(lake, events.unlisted)
    with open_outputs(output, format_) as outputs, open_to_write(lake) if new else nullcontext() as writer:
        if withdrawn and any(one.form is not AlertFormat.NATIVE for one in outputs):
            raise UsageError("--withdrawn goes to files and webhooks alone", hint="give another --output")
        detection = detect(
            events if writer is None else read_lake(lake, digest),
            rules or [],
            now(),
            entries,
            rule_seconds=rule_seconds,
            rule_findings=rule_findings,
            is_of_interest=(lambda _finding: True) if writer is None else partial(may_be_news, ledger=writer.ledger),
        )
        written = list(filter(selection.takes, detection.alerts))
        if withdrawn:
            gone = list(filter(selection.takes, withdrawn_alerts(detection, emitted)))
            delivery = write_withdrawn(gone, outputs, retry_policy)
        elif writer is None:
            delivery = write_alerts(written, outputs, retry_policy)
        else:
            written, delivery = write_new_alerts(written, outputs, writer.ledger, retry_policy)
    for warning in [*detection.warnings, *delivery.warnings]:
        say(f"warning: {warning}")
    if withdrawn:
        say_errors(detection)
        say(f"{counted(len(gone), 'alert')} withdrawn, of {counted(len(emitted), 'alert')} written")
    else:
        say_alerts(detection, written)
    say_delivery(delivery, remembered=new)
    raise typer.Exit(exit_code(None, detection.errors, written, fail_on, delivery))


@app.command(name="run")
def run_command(
    sources: options.Sources,
    lake: options.Lake,
    since: options.Since = None,
    until: options.Until = None,
    account: options.Accounts = None,
    region: options.Regions = None,
    look_ahead_days: options.LookAhead = 1,
    profile: options.Profile = None,
    role_arn: options.RoleArn = None,
    endpoint_url: options.EndpointUrl = None,
    root_only: options.RootOnly = False,
    jobs: options.Jobs = options.CORES,
    rules: options.Rules = None,
    suppressions: options.Suppressions = None,
    min_severity: options.MinSeverity = Severity.INFO,
    format_: options.Format = None,
    output: options.Output = None,
    fail_on: options.FailOn = None,
    report_file: options.Report = None,
    rule_seconds: options.RuleSeconds = 60,
    rule_findings: options.RuleFindings = 100_000,
    delivery_seconds: options.DeliverySeconds = 60,
) -> None:
    """Ingest what is new, then write the alerts that have not been written before. Safe to repeat, and to kill.

    Exit codes: 0 done and everything was read, 1 an alert reached --fail-on, 2 bad usage, bad rule or an error,
    3 no log objects found, 4 some could not be read, or an output did not take all alerts: those go out next time.

    Example: detector run s3://my-trail-bucket --lake lake/ --output alerts.jsonl
    """
    from detector.workers import prestart_workers

    prestart_workers(jobs, "detector.lake.part_writer")
    from detector.alerts.delivery import RetryPolicy
    from detector.alerts.sinks.opening import open_outputs
    from detector.detect.detect import detect
    from detector.detect.emission import may_be_news, write_new_alerts
    from detector.detect.selection import Selection
    from detector.lake.reader import read_lake
    from detector.lake.writer import open_to_write
    from detector.rules.candidates import candidates

    scope = options.scope(account, region, since, until, look_ahead_days)
    aws = options.aws_options(profile, role_arn, endpoint_url)
    sought = candidates()
    entries = options.suppressions(suppressions)
    selection = Selection(min_severity=min_severity)
    with (
        open_outputs(output, format_) as outputs,
        reported(sources, report_file) as report,
        open_to_write(lake) as writer,
    ):
        _ingest(sources, aws, scope, writer, report, jobs, root_only=root_only)
        detection = detect(
            read_lake(lake, sought.digest),
            rules or [],
            now(),
            entries,
            rule_seconds=rule_seconds,
            rule_findings=rule_findings,
            is_of_interest=partial(may_be_news, ledger=writer.ledger),
        )
        alerts = filter(selection.takes, detection.alerts)
        written, delivery = write_new_alerts(alerts, outputs, writer.ledger, RetryPolicy(delivery_seconds))
        report.add_alerts(alert.severity for alert in written)
        report.add_delivery(delivery)
        report.warnings += detection.warnings
        for _ in writer.compact(
            sought, jobs=jobs, unclassified_parts=_UNCLASSIFIED_PARTS, unclassified_rows=_UNCLASSIFIED_ROWS
        ):
            pass
    say_alerts(detection, written)
    say_delivery(delivery, remembered=True)
    raise typer.Exit(exit_code(report, detection.errors, written, fail_on, delivery))


app.command(name="scan")(scan_command)
app.command(name="sql")(sql_command)
app.command(name="status")(status_command)
app.command(name="compact")(compact_command)
app.command(name="outbox")(outbox_command)
app.command(name="watch")(watch_command)
app.command(name="explain-message")(explain_message_command)


def main() -> None:
    """Entry point: turn whatever goes wrong into one line, one hint and an exit code."""
    try:
        app()
    except OutputClosed as error:
        _end(error.exit_code)
    except DetectorError as error:
        say_error(error)
        _end(error.exit_code)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # typer's answer to Ctrl-C, given in silence
            say("interrupted; what was committed stays, run the same command again to go on")
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback in a cron mail
        say(f"error: unexpected {type(error).__name__}: {error}")
        say("hint: run it again with --verbose before the command and report the traceback")
        _end(2)


def _end(code: int) -> None:
    if _verbose:
        traceback.print_exc()
    sys.exit(code)


def _ingest(
    sources: Sequence[str],
    aws: AwsOptions,
    scope: Scope,
    writer: LakeWriter,
    report: RunReport,
    jobs: int,
    *,
    root_only: bool,
) -> None:
    from detector.ingest.ingest import ingest
    from detector.sources.opening import open_source

    with progress_bar() as progress:
        opened = [open_source(source, aws, root_only=root_only) for source in sources]
        ingest(opened, writer, scope, report, jobs=jobs, progress=progress)
