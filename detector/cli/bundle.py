"""`detector bundle`: what alerts rest on, in a bag that anybody can check; and `bundle verify`, which checks one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli.choices import ListFormat, format_option
from detector.cli.exit_codes import bag_exit_code, exit_code
from detector.cli.lake_option import LakeIfAny
from detector.cli.manners import add_commands, add_own_command
from detector.cli.options import ConnectionOptions, RuleOptions, Since, Until, window
from detector.cli.summary import say_errors, say_gaps_in
from detector.cli.terminal import inform, say
from detector.errors import UsageError
from detector.severity import Severity
from detector.text import counted, printable
from detector.times import now, rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from detector.bundle.bundle import Bundled, Order
    from detector.bundle.check import Checked
    from detector.bundle.programs import Marks
    from detector.detect.detect import Detection
    from detector.lake.place import LakePlace
    from detector.lake.reader import Snapshot

_NAMED = 10
_SAVED_KEYS = "bundle"

bundle_app = typer.Typer(rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class BagOptions:
    """What goes into the bag, and where it goes."""

    lake: LakeIfAny = None
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder to make, or one file: NAME.zip. It must not exist.", metavar="BAG"),
    ] = None
    all: Annotated[
        bool,
        typer.Option(
            "--all/--alerts",
            help="Everything in scope, or the log files that alerts name with the digests from there on.",
        ),
    ] = False
    since: Since = None
    until: Until = None
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only of this account; repeat for more.", metavar="ID")
    ] = None
    region: Annotated[
        list[str] | None, typer.Option("--region", help="Only of this region; repeat for more.", metavar="NAME")
    ] = None


@dataclass(frozen=True, slots=True)
class MarkOptions:
    """What is made of a finished bag's tag manifest, by programs of the system."""

    sign: Annotated[
        Path | None, typer.Option("--sign", help="Sign the bag with this key, by ssh-keygen.", metavar="KEY")
    ] = None
    timestamp_query: Annotated[
        Path | None,
        typer.Option(
            "--timestamp-query",
            help="Write a query for a timestamp authority (RFC 3161) here, by openssl; it holds a hash and no more.",
            metavar="FILE",
        ),
    ] = None

    def marks(self) -> Marks:
        """Return the marks."""
        from detector.bundle.programs import Marks

        return Marks(self.sign, self.timestamp_query)


def bundle_command(
    context: typer.Context, bag: BagOptions, rules: RuleOptions, connection: ConnectionOptions, marks: MarkOptions
) -> None:
    """Collect evidence in a bag, or check one.

    Runs the rules over a lake and fetches the log files behind the alerts from where they were read, if they still are
    what was read. The bag (BagIt 1.0) holds them as they were stored, digests, AWS's keys, alerts, records, coverage;
    its README.txt says how to check it by hand. With --alerts, --since and --until choose alerts by their last event;
    with --all, also the time of delivery. Prints the hash that vouches for the bag.

    Exit codes: 0 done, 2 an error, 4 something is gone or differs, or the lake has gaps.

    Example: detector bundle --lake lake/ --output case-42.bag --since 7d
    """
    if context.invoked_subcommand is not None:
        return
    if bag.lake is None or bag.output is None:
        raise UsageError(
            "--lake and --output are needed", hint="detector bundle --lake DIR --output BAG, or: bundle verify BAG"
        )
    from detector.bundle.bundle import bundle
    from detector.lake.reader import read_lake_with_integrity
    from detector.rules.candidates import candidates

    since, until = window(bag.since, bag.until)
    moment = now()
    events = read_lake_with_integrity(bag.lake, candidates().digest, moment)
    detection = rules.detect(events, rules.entries())
    order = _order(bag.lake, bag.output, bag, (since, until), detection, moment, marks.marks())
    order.question.update(_question(rules, detection, events, since, until))
    bundled = bundle(order, connection.aws())
    for warning in detection.warnings:
        say(f"warning: {warning}")
    say_errors(detection)
    _say_bundled(bundled, order)
    say_gaps_in(bag.lake, events.gaps, allowable=False)
    typer.echo(f"{bundled.sha256}  {printable(bag.output / 'tagmanifest-sha256.txt')}")
    raise typer.Exit(exit_code(None, detection.errors, gaps=events.gaps.count + len(bundled.left_out)))


def _order(
    lake: LakePlace,
    output: Path,
    bag: BagOptions,
    times: tuple[datetime | None, datetime | None],
    detection: Detection,
    moment: datetime,
    marks: Marks,
) -> Order:
    from detector.bundle.bundle import Order
    from detector.bundle.facts import Contents
    from detector.detect.selection import Selection
    from detector.scope import Scope
    from detector.verify.verdicts import Asked

    since, until = times
    scope = Scope(frozenset(bag.account or ()), frozenset(bag.region or ()), since, until)
    asked = Asked(since, min(until or moment, moment), moment) if bag.all else Asked(None, moment, moment)
    is_chosen = Selection(since, until, Severity.INFO).takes
    alerts = [
        alert
        for alert in detection.alerts
        if is_chosen(alert)
        and (not scope.accounts or alert.account_id in scope.accounts)
        and (not scope.regions or alert.region in scope.regions)
    ]
    return Order(lake, output, Contents.ALL if bag.all else Contents.ALERTS, scope, asked, alerts, marks)


def _question(
    rules: RuleOptions,
    detection: Detection,
    events: Snapshot,
    since: datetime | None,
    until: datetime | None,
) -> dict[str, Any]:
    """Return what the statement says of the rules and of the lake."""
    from detector.bundle.papers import hashes_of
    from detector.rules.rule import VIEWS, load_rules, shipped_rules_directory

    shipped = shipped_rules_directory()
    rule_set = load_rules(shipped, *rules.directories)
    return {
        "alerts_since": None if since is None else rfc3339(since),
        "alerts_until": None if until is None else rfc3339(until),
        "rules": hashes_of(rule.path for rule in rule_set.rules),
        "views": hashes_of(sorted((shipped / VIEWS).glob("*.sql"))),
        "rules_that_failed": [str(error) for error in detection.errors],
        "warnings": list(detection.warnings),
        "gaps": {
            "count": events.gaps.count,
            "first": [{"uri": gap.uri, "reason": gap.reason} for gap in events.gaps.first],
        },
    }


def _say_bundled(bundled: Bundled, order: Order) -> None:
    from detector.cli.integrity_lines import summary_lines

    inform(f"{counted(bundled.kept, 'object')} and {counted(len(order.alerts), 'alert')} in {order.output}")
    for line in summary_lines(bundled.judged.integrity):
        inform(line)
    for entry in bundled.left_out[:_NAMED]:
        say(f"left out: {entry.uri}: {entry.held}: {entry.reason}")
    if len(bundled.left_out) > _NAMED:
        say(f"left out: … and {len(bundled.left_out) - _NAMED:,} more; objects.jsonl names them all")


def verify_command(
    bag: Annotated[Path, typer.Argument(metavar="BAG", help="Folder of a bag, or a zip of one.")],
    connection: ConnectionOptions,
    keys: Annotated[
        str,
        typer.Option(
            "--keys",
            help="AWS's public keys: live asks ListPublicKeys in each region, bundle takes those saved in the bag, and "
            "a file or folder of answers works too.",
            metavar="live|FILE",
        ),
    ] = "live",
    format_: Annotated[ListFormat, format_option(ListFormat, "Format of the findings.")] = ListFormat.TABLE,
) -> None:
    """Check a bag from its own bytes.

    Checks each file against the manifests, each object against its name and what is said of it, records against the
    log files, and digests and log files against what AWS signed. Alerts, coverage and the statement are whoever made
    the bag's word: compare the hash that is printed with the one that you were given.

    Exit codes: 0 signed and intact, 2 no bag or an error, 4 not proven, 5 damaged: something differs from what was
    collected, or from what AWS signed.

    Example: detector bundle verify case-42.bag --keys bundle
    """
    from detector.bundle.check import check
    from detector.verify.asking import key_source

    checked = check(bag, None if keys == _SAVED_KEYS else key_source(keys, connection.aws()))
    if format_ is ListFormat.JSONL:
        lines = [json.dumps(finding) for finding in _findings(checked)]
    else:
        lines = list(_lines(checked))
    if lines:
        typer.echo("\n".join(map(printable, lines)))
    for line in _summary(checked, keys):
        say(line)
    raise typer.Exit(bag_exit_code(checked))


def _findings(checked: Checked) -> Iterator[dict[str, Any]]:
    for problem in checked.problems:
        verdict = "damaged" if problem.is_damage else "unchecked"
        yield {"kind": "file", "verdict": verdict, "path": problem.path, "reason": problem.what}
    if checked.judged is not None:
        yield from checked.judged.integrity.findings()


def _lines(checked: Checked) -> Iterator[str]:
    from detector.cli.integrity_lines import finding_lines

    for problem in checked.problems:
        yield f"{'damaged' if problem.is_damage else 'unchecked':<10}  {problem.path}  {problem.what}"
    if checked.judged is not None:
        yield from finding_lines(checked.judged.integrity)


def _summary(checked: Checked, keys: str) -> Iterator[str]:
    from detector.bundle.facts import Contents
    from detector.bundle.form import NOT_CHECKED
    from detector.cli.integrity_lines import count_lines, judgement_lines

    yield f"{counted(checked.files, 'file')} in the manifests; {checked.sha256 or 'no hash'}  tagmanifest-sha256.txt"
    if checked.has_signature:
        yield "there is a signature; whose it is, ssh-keygen -Y verify says"
    for path in checked.timestamps:
        yield f"not checked: {path}; openssl ts -verify says what it is worth"
    yield f"not checked, and the word of whoever made the bag: {NOT_CHECKED}"
    if keys == _SAVED_KEYS:
        yield "keys as saved by whoever made the bag; --keys live asks AWS"
    if checked.judged is None:
        yield "not proven: the bag does not say what was asked"
        return
    if checked.contents is Contents.ALERTS:
        yield "asked about the log files that alerts name; not whether others are missing"
    integrity = checked.judged.integrity
    damaged = [one for one in checked.problems if one.is_damage]
    # Of files that are signed and intact nothing is said where the bag is not: it would be read as said of the bag.
    yield from count_lines(integrity)
    if damaged:
        yield f"damaged: the bag is not as it was made: {counted(len(damaged), 'finding')} about its files"
    elif checked.problems:
        yield f"not proven: that the bag is as it was made: {counted(len(checked.problems), 'finding')} about its files"
    if not checked.problems or integrity.is_damaged or (integrity.is_unproven and not damaged):
        yield from judgement_lines(integrity)


add_own_command(bundle_app, bundle_command)
add_commands(bundle_app, {"verify": verify_command})
