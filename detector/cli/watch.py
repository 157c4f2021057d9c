"""`detector watch`: alerts about log files as they arrive."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.exit_codes import NO_LOG_OBJECTS, watch_exit_code
from detector.cli.integrity_options import IntegrityOptions
from detector.cli.lake_option import Lake, on_disk
from detector.cli.options import (
    ConnectionOptions,
    OutputOptions,
    RuleOptions,
)
from detector.cli.sources import open_sources, require_watchable
from detector.cli.summary import say_watched
from detector.cli.terminal import inform, say
from detector.errors import NoLogObjects, UsageError
from detector.times import now, parse_seconds

if TYPE_CHECKING:
    from types import FrameType

    from detector.sources.aws_options import AwsOptions
    from detector.watch.feed import Feed
    from detector.watch.progress import Totals


class OnPoison(StrEnum):
    """The fate of a message that is not understood, once the lake keeps it."""

    LEAVE = "leave"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """Where `watch` learns of new log files, and how often it looks."""

    queue: Annotated[
        str | None,
        typer.Option("--queue", help="SQS queue that receives notifications of new log files.", metavar="URL"),
    ] = None
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE…]", help="Instead of a queue: s3://BUCKET/PREFIX or a directory, listed again and again."
        ),
    ] = None
    interval: Annotated[
        str, typer.Option("--interval", help="Time between two listings of a SOURCE.", metavar="TIME")
    ] = "60s"
    once: Annotated[bool, typer.Option("--once", help="End when nothing more has arrived.")] = False
    max_delay: Annotated[
        str,
        typer.Option("--max-delay", help="Aim for at most this time between a message and its alert.", metavar="TIME"),
    ] = "2s"
    max_messages: Annotated[
        int, typer.Option("--max-messages", min=10, help="Take at most this many messages in one batch.")
    ] = 500
    max_objects: Annotated[int | None, typer.Option("--max-objects", min=10, hidden=True)] = None  # its former name
    bucket: Annotated[
        list[str] | None,
        typer.Option(
            "--bucket", help="Read only from this bucket, whatever messages name; repeat for more.", metavar="NAME"
        ),
    ] = None
    on_poison: Annotated[
        OnPoison,
        typer.Option(
            "--on-poison",
            help="A message that is not understood is kept in the lake, and then left to the queue's redrive policy, "
            "or deleted (quarantine).",
        ),
    ] = OnPoison.LEAVE


@dataclass(frozen=True, slots=True)
class WorkOptions(IntegrityOptions):
    """How what arrives is read."""

    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="Worker processes.")] = 1


@dataclass(frozen=True, slots=True)
class HealthOptions:
    """How a watch reports that it is alive, and how fast it is."""

    lag: Annotated[bool, typer.Option("--lag", help="Add to each alert's context how long each step took.")] = False
    metrics: Annotated[
        Path | None, typer.Option("--metrics", help="Write Prometheus metrics to this file.", metavar="FILE")
    ] = None
    heartbeat: Annotated[
        str | None,
        typer.Option(
            "--heartbeat", help="Report this often what was done, and which regions fell silent.", metavar="TIME"
        ),
    ] = None


def watch_command(
    context: typer.Context,
    lake: Lake,
    feed: FeedOptions,
    health: HealthOptions,
    connection: ConnectionOptions,
    rules: RuleOptions,
    work: WorkOptions = WorkOptions(),
    output: OutputOptions = OutputOptions(delivery_seconds=5),  # noqa: B008 - frozen
) -> None:
    """Write alerts as log files arrive.

    S3 announces them in a queue, or `watch` lists a SOURCE again and again. The lake, the rules and the alert ids are
    those of `run`. A message is deleted when everything that it names is in the lake and the alerts are written;
    until then it comes again. SIGTERM or Ctrl-C ends `watch`: it finishes the work under way and hands back the
    rest. It waits out a lost network, throttling, expired credentials and a full disk.

    With --verify, digests of messages or of the SOURCE are read too. That a message does not name a log file says
    nothing about it: with a queue, only `run --verify complete` or `verify` finds that one is missing.

    Exit codes: 0 ended by a signal, or --once and everything was read, 1 an alert reached --fail-on, 2 bad usage, bad
    rule or an error, 3 --once found no log objects in a SOURCE, 4 with --once: some could not be read or understood, or
    with --verify not proven, 5 with --verify: something is not as AWS signed it.

    Example: detector watch --queue https://sqs.us-east-1.amazonaws.com/111122223333/trail --lake lake/
    """
    from detector.rules.suppressions import suppression_warnings
    from detector.sources.given_messages import GivenMessages
    from detector.watch.heartbeat import Heartbeat
    from detector.watch.rule_schedule import load_watch_rules
    from detector.watch.settings import WatchSettings
    from detector.watch.watch import Watch

    given: object = context.obj  # of a program that has messages already and calls this one with them
    sources = feed.sources or []
    if isinstance(given, GivenMessages):
        feed = replace(feed, queue=None, once=True)
    elif bool(feed.queue) == bool(sources):
        raise UsageError("give either --queue URL or a SOURCE", hint="detector watch --help shows examples of both")
    every = None if health.heartbeat is None else timedelta(seconds=parse_seconds(health.heartbeat))
    aws = connection.aws()
    open_feed = _feed_opener(feed, given, aws, on_disk(lake), takes_digests=work.is_asked)
    loaded = load_watch_rules(rules.directories, rules.rule_pages)
    entries = rules.entries()
    for warning in suppression_warnings(entries, loaded.ids, now()):
        say(f"warning: {warning}")
    with (
        output.open(fits_terminal=False) as outputs,
        _stopped_by_signals() as stop,
        ExitStack() as opened,
    ):
        settings = WatchSettings(
            rules=loaded,
            outputs=outputs,
            delivery=output.retry_policy(),
            selection=output.selection(),
            suppressions=entries,
            rule_seconds=rules.rule_seconds,
            rule_findings=rules.rule_findings,
            fail_on=output.fail_on,
            jobs=work.jobs,
            with_lag=health.lag,
            metrics_file=health.metrics,
            once=feed.once,
            open_intake=work.intake_opener(aws, judges_all=False) if work.is_asked else None,
        )
        watch = Watch(settings, Heartbeat(every, inform), stop, say)
        watch.run(on_disk(lake), lambda: open_feed(watch.watched.totals, stop, opened))
    say_watched(watch.watched)
    code = watch_exit_code(watch.watched, once=feed.once, is_queue=not sources)
    if code == NO_LOG_OBJECTS:
        raise NoLogObjects(f"no CloudTrail logs under {', '.join(sources)}", hint="`detector scan` says what is there")
    raise typer.Exit(code)


def _feed_opener(
    feed: FeedOptions, given: object, aws: AwsOptions, lake: Path, *, takes_digests: bool
) -> Callable[[Totals, threading.Event, ExitStack], Feed]:
    """Check the options of the feed; return the function that opens it."""
    from detector.lake.quarantine import Quarantine
    from detector.sources.given_messages import GivenMessages
    from detector.sources.sqs import Queue, VisibilityExtender
    from detector.watch.polling_feed import PollingFeed
    from detector.watch.queue_feed import QueueFeed, QueueSettings

    interval_seconds = parse_seconds(feed.interval)
    batches = QueueSettings(
        parse_seconds(feed.max_delay),
        feed.max_objects or feed.max_messages,
        feed.once,
        frozenset(feed.bucket or ()),
        feed.on_poison is OnPoison.QUARANTINE,
        takes_digests,
    )
    sources = feed.sources or []
    require_watchable(sources)

    def open_feed(totals: Totals, stop: threading.Event, opened: ExitStack) -> Feed:
        if isinstance(given, GivenMessages):
            return QueueFeed(given, VisibilityExtender(given), aws, batches, Quarantine(lake), totals, stop, say)
        if feed.queue is None:
            return PollingFeed(lambda: open_sources(sources, aws, lake=lake), interval_seconds, stop, once=feed.once)
        queue = Queue(feed.queue, aws)
        extender = opened.enter_context(VisibilityExtender(queue))
        return QueueFeed(queue, extender, aws, batches, Quarantine(lake), totals, stop, say)

    return open_feed


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Hand out an event that SIGTERM and SIGINT set; a second signal ends the program at once."""
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
