"""The options that several commands share, each described once."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.alerts.formats.names import AlertFormat
from detector.scope import Scope
from detector.severity import Severity
from detector.sources.aws_session import AwsOptions
from detector.times import parse_moment

if TYPE_CHECKING:
    from detector.rules.suppressions import SuppressionEntry

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE…", help="s3://BUCKET/PREFIX, a file, a directory, lookup-events: or - (standard input)."
    ),
]
Lake = Annotated[Path, typer.Option("--lake", help="Lake directory.", metavar="DIR")]
Since = Annotated[
    str | None, typer.Option("--since", help="7d, 36h, 2026-03-01 or 2026-03-01T09:00:00Z.", metavar="TIME")
]
Until = Annotated[str | None, typer.Option("--until", help="As --since.", metavar="TIME")]
Accounts = Annotated[
    list[str] | None, typer.Option("--account", help="Read only this account; repeat for more.", metavar="ID")
]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        help="Read only this region; repeat for more. Without it lookup-events: asks the session's own and us-east-1.",
        metavar="NAME",
    ),
]
LookAhead = Annotated[
    int,
    typer.Option(
        "--look-ahead-days", min=0, max=31, help="Days after --until to look for records that were delivered late."
    ),
]
Profile = Annotated[str | None, typer.Option("--profile", help="AWS profile.", metavar="NAME")]
RoleArn = Annotated[str | None, typer.Option("--role-arn", help="Role to assume for reading.", metavar="ARN")]
RootOnly = Annotated[
    bool,
    typer.Option(
        "--root-only",
        help="Of lookup-events:, only what CloudTrail lists under the user name root. Misses what others did to MFA "
        "and the trail, sessions of AssumeRoot, and root under another name (an account alias) or none.",
    ),
]
EndpointUrl = Annotated[str | None, typer.Option("--endpoint-url", help="S3-compatible server.", metavar="URL")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=64, help="Worker processes.", show_default="the cores")]
Report = Annotated[Path | None, typer.Option("--report", help="Write the run report (JSON) here.", metavar="FILE")]
Rules = Annotated[
    list[Path] | None, typer.Option("--rules", help="Directory with rules of your own; repeat for more.", metavar="DIR")
]
Suppressions = Annotated[
    Path | None,
    typer.Option("--suppressions", help="TOML file of alerts that somebody has answered for.", metavar="FILE"),
]
RuleSeconds = Annotated[
    float, typer.Option("--rule-seconds", min=0.001, help="Stop a rule that runs longer.", metavar="SECONDS")
]
RuleFindings = Annotated[
    int, typer.Option("--rule-findings", min=1, help="Findings of one rule that become alerts.", metavar="NUMBER")
]
MinSeverity = Annotated[Severity, typer.Option("--min-severity", help="Write no alerts below this.")]
Format = Annotated[
    AlertFormat | None,
    typer.Option(
        "--format",
        help="How alerts are written; docs/siem.md tells them apart.",
        show_default="native; that of the output if it has one",
    ),
]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        help="Instead of standard output: a file to append to, s3://BUCKET/PREFIX/, hec+https://HOST, "
        "https://HOST/PATH or securityhub:REGION; repeat for more.",
        metavar="FILE|URL",
    ),
]
DeliverySeconds = Annotated[
    float,
    typer.Option(
        "--delivery-seconds", min=0.001, help="Stop trying to deliver alerts after so long.", metavar="SECONDS"
    ),
]
FailOn = Annotated[
    Severity | None, typer.Option("--fail-on", help="Exit with 1 when an alert at least this severe is written.")
]


def _cores() -> int:
    """Return the processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


CORES = _cores()


def scope(
    accounts: list[str] | None, regions: list[str] | None, since: str | None, until: str | None, look_ahead_days: int
) -> Scope:
    """Return what the options say is to be read.

    Raises:
        UsageError: a time is none, or they are the wrong way round.
    """
    first, last = window(since, until)
    return Scope(frozenset(accounts or ()), frozenset(regions or ()), first, last, look_ahead_days)


def window(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the two times, aware.

    Raises:
        UsageError: one of them is no time.
    """
    now = datetime.now(UTC)
    first = None if since is None else parse_moment(since, now)
    return first, None if until is None else parse_moment(until, now)


def suppressions(path: Path | None) -> tuple[SuppressionEntry, ...]:
    """Return the entries of the file, none without one.

    Raises:
        RuleError: the file cannot be read, or something is wrong with it.
    """
    from detector.rules.suppressions import load_suppressions

    return () if path is None else load_suppressions(path)


def aws_options(profile: str | None, role_arn: str | None, endpoint_url: str | None) -> AwsOptions:
    """Return how to reach AWS."""
    return AwsOptions(profile=profile, role_arn=role_arn, endpoint_url=endpoint_url)
