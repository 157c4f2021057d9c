"""The options that several commands share, each described once, in groups that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.alerts.formats.names import AlertFormat
from detector.cli.choices import format_option, seconds_option
from detector.cli.engine_options import CORES, HERE, EngineName, Width
from detector.cli.rule_pages import RulePages
from detector.cli.terminal import screen
from detector.errors import UsageError
from detector.scope import Scope
from detector.severity import Severity
from detector.sources.aws_options import AwsOptions
from detector.times import now, parse_end, parse_moment, rfc3339, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from detector.alerts.delivery import RetryPolicy
    from detector.alerts.sinks.opening import Output
    from detector.detect.detect import Detection
    from detector.detect.selection import Selection
    from detector.rules.events import Events
    from detector.rules.finding import Finding
    from detector.rules.suppressions import SuppressionEntry

_SOURCES = (
    "s3://BUCKET/PREFIX, inventory:s3://BUCKET/PREFIX, a file, a directory, lookup-events: or - (standard input)."
)
Sources = Annotated[list[str], typer.Argument(metavar="SOURCE…", help=_SOURCES)]
Profile = Annotated[str | None, typer.Option("--profile", help="AWS profile.", metavar="NAME")]
RoleArn = Annotated[str | None, typer.Option("--role-arn", help="Role to assume for reading.", metavar="ARN")]
Since = Annotated[
    str | None, typer.Option("--since", help="7d, 36h, 2026-03-01 or 2026-03-01T09:00:00Z.", metavar="TIME")
]
Until = Annotated[str | None, typer.Option("--until", help="Same form as --since; a day to its end.", metavar="TIME")]
AllowGaps = Annotated[
    bool,
    typer.Option(
        "--allow-gaps", help="Do not exit with 4 for what earlier runs could not read; see `detector status`."
    ),
]
RuleDirectories = Annotated[
    list[Path] | None, typer.Option("--rules", help="Directory with rules of your own; repeat for more.", metavar="DIR")
]
Suppressions = Annotated[
    Path | None,
    typer.Option("--suppressions", help="TOML file of alerts that somebody has answered for.", metavar="FILE"),
]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Which part of the sources is read, by how many processes, and where the run report goes."""

    since: Since = None
    until: Until = None
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Read only this account; repeat for more.", metavar="ID")
    ] = None
    region: Annotated[
        list[str] | None,
        typer.Option(
            "--region",
            help="Read only this region; repeat for more. Without it lookup-events: asks the session's own and "
            "us-east-1.",
            metavar="NAME",
        ),
    ] = None
    look_ahead_days: Annotated[
        int,
        typer.Option(
            "--look-ahead-days", min=0, max=31, help="Days after --until to look for records that were delivered late."
        ),
    ] = 1
    root_only: Annotated[
        bool,
        typer.Option(
            "--root-only",
            help="With lookup-events:, read only what CloudTrail lists under the user name root. Misses what others "
            "did to MFA and the trail, sessions of AssumeRoot, and root under another name (an account alias) or none.",
        ),
    ] = False
    jobs: Width = CORES
    engine: EngineName = HERE
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the run report (JSON) here.", metavar="FILE")
    ] = None

    def scope(self) -> Scope:
        """Return which part of the sources to read.

        Raises:
            UsageError: a time cannot be parsed, or --until is not after --since.
        """
        first, last = window(self.since, self.until)
        return Scope(frozenset(self.account or ()), frozenset(self.region or ()), first, last, self.look_ahead_days)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to reach AWS."""

    profile: Profile = None
    role_arn: RoleArn = None
    endpoint_url: Annotated[str | None, typer.Option("--endpoint-url", help="S3-compatible server.", metavar="URL")] = (
        None
    )

    def aws(self, engine: str = HERE) -> AwsOptions:
        """Return the settings for sessions and clients; executors of another engine have a role of their own."""
        return AwsOptions(self.profile, self.role_arn, None, self.endpoint_url, readers_sign_in=engine != HERE)


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """Which rules run, for how long, and which of their alerts are suppressed."""

    rules: RuleDirectories = None
    suppressions: Suppressions = None
    rule_seconds: Annotated[float, seconds_option("--rule-seconds", "Stop a rule that runs longer than this.")] = 60
    rule_findings: Annotated[
        int,
        typer.Option(
            "--rule-findings", min=1, help="Write at most this many alerts of one rule in one run.", metavar="NUMBER"
        ),
    ] = 100_000
    rule_pages: RulePages = None

    @property
    def directories(self) -> list[Path]:
        """Directories with rules, beside the shipped ones."""
        return self.rules or []

    def entries(self) -> tuple[SuppressionEntry, ...]:
        """Return the suppressions; none without a file.

        Raises:
            RuleError: the file cannot be read, or something is wrong with it.
        """
        from detector.rules.suppressions import load_suppressions

        return () if self.suppressions is None else load_suppressions(self.suppressions)

    def detect(
        self,
        events: Events,
        entries: Sequence[SuppressionEntry],
        *,
        sees_all_events: bool = True,
        is_of_interest: Callable[[Finding], bool] | None = None,
    ) -> Detection:
        """Run the rules over events, within the limits of the options; see `detect.detect`."""
        from detector.detect.detect import detect, everything

        return detect(
            events,
            self.directories,
            now(),
            entries,
            rule_seconds=self.rule_seconds,
            rule_findings=self.rule_findings,
            sees_all_events=sees_all_events,
            is_of_interest=is_of_interest or everything,
            rule_pages=self.rule_pages,
        )


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Which alerts are written, where and in which format, and which of them change the exit code."""

    min_severity: Annotated[Severity, typer.Option("--min-severity", help="Write no alerts below this severity.")] = (
        Severity.INFO
    )
    format: Annotated[
        AlertFormat | None,
        format_option(
            AlertFormat,
            "Format of the alerts; docs/siem.md describes them.",
            former={"native": "jsonl"},
            show_default="table on a terminal, else jsonl; that of the output if it has one",
        ),
    ] = None
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            help="Instead of standard output: a file to append to, s3://BUCKET/PREFIX/, hec+https://HOST, "
            "https://HOST/PATH, securityhub:REGION, sns:ARN, sqs:URL, events:BUS, slack+https://…, teams+https://…, "
            "pagerduty:VARIABLE, mailto:ADDRESS, or @NAME for the one in DETECTOR_OUTPUT_NAME; repeat for more. "
            "Behind a colon each may name its own format, --output alerts.csv:csv --output -:table, and behind a blank "
            "what it takes: --output '@on-call min-severity=high digest'.",
            metavar="FILE|URL[:FORMAT]",
        ),
    ] = None
    fail_on: Annotated[
        Severity | None, typer.Option("--fail-on", help="Exit with 1 when an alert at least this severe is written.")
    ] = None
    delivery_seconds: Annotated[
        float, seconds_option("--delivery-seconds", "Give up on deliveries after this many seconds.")
    ] = 60

    def open(self, *, fits_terminal: bool = True) -> AbstractContextManager[tuple[Output, ...]]:
        """Hand out the outputs; on a terminal the default is a table that fits it, unless lines are asked for.

        Raises:
            UsageError: one of them is none, two are the same, or none takes the format.
            SinkError: a file cannot be written.
        """
        from detector.alerts.sinks.opening import open_outputs

        return open_outputs(self.output, self.format, screen() if fits_terminal else None)

    @property
    def are_on_standard_output(self) -> bool:
        """True when whoever reads standard output sees the alerts."""
        from detector.alerts.sinks.address import parse_addresses

        return any(one.place == "-" for one in parse_addresses(self.output or ["-"]))

    def selection(self, since: datetime | None = None, until: datetime | None = None) -> Selection:
        """Return which alerts are written."""
        from detector.detect.selection import Selection

        return Selection(since, until, self.min_severity)

    def retry_policy(self) -> RetryPolicy:
        """Return how long deliveries are retried."""
        from detector.alerts.delivery import RetryPolicy

        return RetryPolicy(self.delivery_seconds)


def window(since: str | None, until: str | None, *, end: str = "--until") -> tuple[datetime | None, datetime | None]:
    """Return the two times, aware; of a day the first moment, and the last.

    Args:
        since: as it was written.
        until: the same.
        end: the option that `until` comes from.

    Raises:
        UsageError: one of them cannot be parsed, or nothing lies between them.
    """
    moment = utc_now()
    first = None if since is None else parse_moment(since, moment)
    last = None if until is None else parse_end(until, moment)
    if first and last and first > last:
        raise UsageError(f"--since {_shown(first)} is after {end} {_shown(last)}", hint="swap them, or leave one out")
    if first and first == last:
        raise UsageError(f"--since and {end} are both {_shown(first)}", hint="for a whole day, write the day alone")
    return first, last


def _shown(moment: datetime) -> str:
    return rfc3339(moment.replace(microsecond=0))
