"""`detector watch`, `detector explain-message`: alerts about log files as they arrive."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli import options
from detector.cli.exit_codes import DONE, ERROR, FAILED_ON, INCOMPLETE, NO_LOG_OBJECTS
from detector.cli.terminal import say
from detector.errors import UsageError
from detector.severity import Severity
from detector.sources.aws_session import AwsOptions
from detector.text import counted, printable
from detector.times import now, parse_seconds

if TYPE_CHECKING:
    from types import FrameType

    from detector.sources.log_source import LogSource
    from detector.watch.alerting import Watched
    from detector.watch.feed import Feed


class OnPoison(StrEnum):
    """What becomes of a message that nobody understands, once it is kept in the lake."""

    LEAVE = "leave"
    QUARANTINE = "quarantine"


def watch_command(
    lake: options.Lake,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE…]", help="Instead of a queue: s3://BUCKET/PREFIX or a directory, listed again."
        ),
    ] = None,
    queue: Annotated[
        str | None, typer.Option("--queue", help="SQS queue that is told of new log files.", metavar="URL")
    ] = None,
    interval: Annotated[str, typer.Option("--interval", help="How often a SOURCE is listed.", metavar="TIME")] = "60s",
    once: Annotated[bool, typer.Option("--once", help="End when nothing more has arrived.")] = False,
    max_delay: Annotated[
        str, typer.Option("--max-delay", help="From a message to its alert, as far as the work allows.", metavar="TIME")
    ] = "2s",
    max_objects: Annotated[int, typer.Option("--max-objects", min=10, help="Messages of one batch.")] = 500,
    bucket: Annotated[
        list[str] | None,
        typer.Option(
            "--bucket", help="Read only from this bucket, whatever messages name; repeat for more.", metavar="NAME"
        ),
    ] = None,
    on_poison: Annotated[
        OnPoison,
        typer.Option(
            "--on-poison",
            help="A message that is not understood is kept in the lake, and then left to the queue's redrive policy, "
            "or deleted (quarantine).",
        ),
    ] = OnPoison.LEAVE,
    lag: Annotated[bool, typer.Option("--lag", help="Say in each alert's context how long it took.")] = False,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", help="Write Prometheus metrics to this file.", metavar="FILE")
    ] = None,
    heartbeat: Annotated[
        str | None,
        typer.Option("--heartbeat", help="Say so often what was done, and who has fallen silent.", metavar="TIME"),
    ] = None,
    profile: options.Profile = None,
    role_arn: options.RoleArn = None,
    endpoint_url: options.EndpointUrl = None,
    jobs: options.Jobs = 1,
    rules: options.Rules = None,
    suppressions: options.Suppressions = None,
    min_severity: options.MinSeverity = Severity.INFO,
    format_: options.Format = None,
    output: options.Output = None,
    fail_on: options.FailOn = None,
    rule_seconds: options.RuleSeconds = 60,
    rule_findings: options.RuleFindings = 100_000,
    delivery_seconds: options.DeliverySeconds = 5,
) -> None:
    """Write alerts as log files arrive, told of by a queue or found by listing a SOURCE again and again.

    Same lake, same rules, same alert ids as `run`. A message is deleted when all that it names is in the lake and the
    alerts are written; whatever happens before that, it comes again. SIGTERM or Ctrl-C ends it: what is under way is
    finished, the rest handed back. No network, throttling, expired credentials and a full disk are waited out.

    Exit codes: 0 ended by a signal, or --once and everything was read, 1 an alert reached --fail-on, 2 bad usage, bad
    rule or an error, 3 --once found no log objects in a SOURCE, 4 with --once: some could not be read or understood.

    Example: detector watch --queue https://sqs.us-east-1.amazonaws.com/111122223333/trail --lake lake/
    """
    from detector.alerts.delivery import RetryPolicy
    from detector.alerts.sinks.opening import open_outputs
    from detector.detect.selection import Selection
    from detector.lake.quarantine import Quarantine
    from detector.rules.suppressions import suppression_warnings
    from detector.sources.sqs import Queue, VisibilityExtender
    from detector.watch.alerting import WatchSettings
    from detector.watch.heartbeat import Heartbeat
    from detector.watch.polling_feed import PollingFeed
    from detector.watch.queue_feed import QueueFeed, QueueSettings
    from detector.watch.rule_schedule import load_watch_rules
    from detector.watch.watch import Watch

    if bool(queue) == bool(sources):
        raise UsageError("give either --queue URL or a SOURCE", hint="detector watch --help shows examples of both")
    aws = options.aws_options(profile, role_arn, endpoint_url)
    every = None if heartbeat is None else timedelta(seconds=parse_seconds(heartbeat))
    interval_seconds = parse_seconds(interval)
    batches = QueueSettings(
        parse_seconds(max_delay), max_objects, once, frozenset(bucket or ()), on_poison is OnPoison.QUARANTINE
    )
    loaded = load_watch_rules(rules or [])
    entries = options.suppressions(suppressions)
    for warning in suppression_warnings(entries, loaded.ids, now()):
        say(f"warning: {warning}")
    with open_outputs(output, format_) as outputs, _stopped_by_signals() as stop, ExitStack() as opened:
        settings = WatchSettings(
            rules=loaded,
            outputs=outputs,
            delivery=RetryPolicy(delivery_seconds),
            selection=Selection(min_severity=min_severity),
            suppressions=entries,
            rule_seconds=rule_seconds,
            rule_findings=rule_findings,
            fail_on=fail_on,
            jobs=jobs,
            with_lag=lag,
            metrics_file=metrics,
            once=once,
        )
        watch = Watch(settings, Heartbeat(every, say), stop, say)

        def feed() -> Feed:
            if queue is None:
                return PollingFeed(lambda: _open(sources or [], aws), interval_seconds, stop, once=once)
            messages = Queue(queue, aws)
            extender = opened.enter_context(VisibilityExtender(messages))
            return QueueFeed(messages, extender, aws, batches, Quarantine(lake), watch.watched.totals, stop, say)

        watch.run(lake, feed)
    _say_totals(watch.watched)
    raise typer.Exit(_exit_code(watch.watched, once=once, is_queue=queue is not None))


def explain_message_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The body of a message, or - for standard input.")],
) -> None:
    """Say what `watch` would do with a message, and why. Nothing is sent to AWS.

    Exit codes: 0 it is understood, 2 it cannot be read, 4 something in it is not understood.

    Example: detector explain-message message.json
    """
    from detector.sources.notifications import MAX_BYTES, decide

    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if file == "-" else _head(Path(file), MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}", hint="name a file with the body of one message"
        ) from error
    decision = decide(data.decode("utf-8", "surrogateescape"))
    for named in decision.objects:
        typer.echo(printable(f"ingest: {named.uri}" + (f" (ETag {named.etag})" if named.etag else "")))
    for record in decision.records:
        typer.echo(printable(f"ingest: the record in the message, as {record.uri}"))
    for ignored in decision.ignored:
        typer.echo(printable(f"ignore: {ignored.subject}: {ignored.reason}"))
    for problem in decision.problems:
        typer.echo(f"not understood: {problem.reason}")
    if decision.poison is not None:
        typer.echo("the message is kept in the lake, and not deleted (unless --on-poison quarantine)")
        raise typer.Exit(INCOMPLETE)
    after = "all of this is in the lake, and the alerts are written" if decision.objects or decision.records else "that"
    typer.echo(f"the message is deleted after {after}")


def _open(specs: Sequence[str], aws: AwsOptions) -> list[LogSource]:
    from detector.sources.opening import open_source

    if "-" in specs:
        raise UsageError("standard input cannot be watched", hint="name a directory or s3://BUCKET/PREFIX")
    return [open_source(spec, aws) for spec in specs]


def _head(path: Path, size_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size_bytes)


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Hand out an event that SIGTERM and SIGINT set; the second one ends the program as it would without this."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        for number in before:
            signal.signal(number, on_signal)
        yield stop
    finally:
        restore()


def _say_totals(watched: Watched) -> None:
    totals = watched.totals
    if totals.received:
        say(
            f"{counted(totals.received, 'message')} received, {totals.deleted:,} deleted, "
            f"{totals.poison:,} not understood"
        )
    say(
        f"{counted(totals.ingested, 'object')} ingested, {counted(totals.records, 'record')}, "
        f"{counted(totals.alerts.total(), 'alert')}"
    )
    for uri, reason in list(watched.unread.items())[:10]:
        say(f"not read: {uri}: {reason}")
    if len(watched.unread) > 10:
        say(f"not read: … and {len(watched.unread) - 10:,} more")


def _exit_code(watched: Watched, *, once: bool, is_queue: bool) -> int:
    if watched.rule_errors:
        return ERROR
    if watched.has_reached:
        return FAILED_ON
    if not once:
        return DONE
    if watched.is_incomplete:
        return INCOMPLETE
    # An empty queue is no news; an empty prefix must not look like a clean account.
    return DONE if is_queue or watched.has_log_objects else NO_LOG_OBJECTS
