"""`detector verify`: what AWS signed, against what lies in a source or was read into a lake."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import ListFormat, format_option
from detector.cli.engine_options import CORES, HERE, EngineName, Width
from detector.cli.exit_codes import verify_exit_code
from detector.cli.lake_option import LakeOfLogs
from detector.cli.options import ConnectionOptions, window
from detector.cli.tables import folded
from detector.cli.terminal import say
from detector.errors import SinkError
from detector.text import printable
from detector.times import now

if TYPE_CHECKING:
    from detector.lake.place import LakePlace
    from detector.verify.log_files import LakeLogs
    from detector.verify.verdicts import Asked

Keys = Annotated[
    str,
    typer.Option(
        "--keys",
        help="AWS's public keys: live asks ListPublicKeys in each region; a file or folder of saved answers works "
        "offline.",
        metavar="live|FILE",
    ),
]


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """What is verified, with which keys, and where the report goes."""

    since: Annotated[
        str | None,
        typer.Option("--since", help="Verify what was delivered from then on: 7d, 2026-03-01.", metavar="TIME"),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            help="Same form as --since; a day to its end. Without it, until now. Give it for a copy.",
            metavar="TIME",
        ),
    ] = None
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Verify only this account; repeat for more.", metavar="ID")
    ] = None
    region: Annotated[
        list[str] | None, typer.Option("--region", help="Verify only this region; repeat for more.", metavar="NAME")
    ] = None
    keys: Keys = "live"
    expect: Annotated[
        Path | None,
        typer.Option("--expect", help="TOML file with accounts and regions that must be there.", metavar="FILE"),
    ] = None
    jobs: Width = CORES
    engine: EngineName = HERE
    report: Annotated[Path | None, typer.Option("--report", help="Write the outcome (JSON) here.", metavar="FILE")] = (
        None
    )

    def asked(self) -> Asked:
        """Return the time to verify.

        Raises:
            UsageError: a time cannot be parsed, or --until is not after --since.
        """
        from detector.verify.verdicts import Asked

        since, until = window(self.since, self.until)
        moment = now()
        return Asked(since, min(until or moment, moment), moment)


def verify_command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…", help="s3://BUCKET/PREFIX, inventory:s3://BUCKET/PREFIX, or a directory with a copy."
        ),
    ],
    connection: ConnectionOptions,
    evidence: EvidenceOptions,
    lake: LakeOfLogs = None,
    format_: Annotated[ListFormat, format_option(ListFormat, "Format of the findings.")] = ListFormat.TABLE,
) -> None:
    """Check files against what CloudTrail signed.

    Needs log file validation: CloudTrail then writes a signed digest of what it delivered every hour. Prints each
    digest, log file and stretch of time that is not verified. With --lake no log file is read again, and it is said how
    much rests on a damaged one, and which StopLogging, DeleteTrail or UpdateTrail may explain a gap.

    Exit codes: 0 all of it is signed and intact, 2 an error, 3 nothing there, 4 not proven: something is not covered
    by a verified digest, or cannot be read, 5 damaged: something is not as AWS wrote it.

    Example: detector verify s3://my-trail-bucket --lake lake/ --since 7d
    """
    from detector.cli.integrity_lines import finding_lines, summary_lines
    from detector.engines.opening import open_engine
    from detector.scope import Scope
    from detector.sources.evidence import open_evidence
    from detector.sources.inventory import InventorySource
    from detector.verify.asking import key_source
    from detector.verify.expected import Expected, load_expected
    from detector.verify.verify import verify

    asked, aws = evidence.asked(), connection.aws(evidence.engine)
    scope = Scope(frozenset(evidence.account or ()), frozenset(evidence.region or ()))
    expected = Expected() if evidence.expect is None else load_expected(evidence.expect)
    ask_keys = key_source(evidence.keys, aws)
    opened = [open_evidence(source, aws, lake.directory if lake else None) for source in sources]
    with open_engine(evidence.engine, jobs=evidence.jobs) as at, _logs_of(lake) as logs:
        integrity = verify(opened, scope, asked, ask_keys, lake=logs, jobs=evidence.jobs, engine=at)
    integrity.expect(expected)
    if lake is not None:
        from detector.detect.resting import put_in_context

        put_in_context(integrity, lake, asked.now)
    if format_ is ListFormat.JSONL:
        lines = [printable(json.dumps(finding)) for finding in integrity.findings()]
    else:
        lines = [part for line in finding_lines(integrity) for part in folded(printable(line), indent=12)]
    if lines:
        typer.echo("\n".join(lines))
    for source in opened:
        if isinstance(source, InventorySource):
            say(f"{source.root} does not name what was {source.caveat}")
    for line in summary_lines(integrity):
        say(line)
    if evidence.report is not None:
        _write(evidence.report, json.dumps({"schema": "detector.integrity/1", **integrity.to_json()}, indent=2))
    raise typer.Exit(verify_exit_code(integrity))


def _logs_of(lake: LakePlace | None) -> AbstractContextManager[LakeLogs | None]:
    if lake is None:
        return nullcontext()
    from detector.lake.evidence import open_lake_logs

    return open_lake_logs(lake)


def _write(path: Path, document: str) -> None:
    try:
        path.write_text(document + "\n", encoding="utf-8")
    except OSError as error:
        raise SinkError(f"cannot write the report {path}: {error.strerror}") from error
