"""`detector detect`: alerts about what a lake holds."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from detector.alerts.formats.names import AlertFormat
from detector.cli.answer import AnswerOptions, say_basis
from detector.cli.exit_codes import NO_LOG_OBJECTS, exit_code
from detector.cli.lake_option import Lake
from detector.cli.options import OutputOptions, RuleOptions, Since, Until, window
from detector.cli.summary import REPAIR, say_alerts, say_delivery, say_errors, say_gaps_in, say_unlisted, say_warnings
from detector.cli.terminal import inform, say_error
from detector.errors import DetectorError, UsageError
from detector.text import counted
from detector.times import now

if TYPE_CHECKING:
    from detector.detect.selection import Selection
    from detector.lake.place import LakePlace
    from detector.lake.writer import LakeWriter


def detect_command(
    lake: Lake,
    rules: RuleOptions,
    since: Since = None,
    until: Until = None,
    new: Annotated[
        bool, typer.Option("--new", help="Write only alerts that were not written before, or are more severe now.")
    ] = False,
    withdrawn: Annotated[
        bool, typer.Option("--withdrawn", help="List written alerts that the lake no longer supports instead.")
    ] = False,
    answer: AnswerOptions = AnswerOptions(),  # noqa: B008 - frozen
    output: OutputOptions = OutputOptions(),  # noqa: B008
) -> None:
    """Run the rules over a lake, write the alerts.

    Rules always see the whole lake; --since and --until choose which alerts are written, by their last event.
    Later data can contradict an alert that --new or `run` has written: --withdrawn lists those. The last line on stderr
    says what the answer rests on.

    Exit codes: 0 done, 1 an alert reached --fail-on, 2 bad usage, bad rule or an error, 3 nothing was ever ingested,
    4 the lake has gaps, an output did not take all alerts, or --require is not met.

    Example: detector detect --lake lake/ --min-severity high | jq -r .summary
    """
    if withdrawn and (new or output.fail_on or answer.require or output.format not in (None, AlertFormat.JSONL)):
        others = "--new, --fail-on, --require or --format"
        raise UsageError(f"--withdrawn cannot be combined with {others}", hint="leave those out")
    selection = output.selection(*window(since, until))
    if withdrawn:
        _list_withdrawn(lake, rules, selection, output)
    else:
        _write_alerts(lake, rules, selection, output, answer, new=new)


def _write_alerts(
    lake: LakePlace,
    rules: RuleOptions,
    selection: Selection,
    output: OutputOptions,
    answer: AnswerOptions,
    *,
    new: bool,
) -> None:
    from detector.detect.basis import basis_of, found_text
    from detector.detect.emission import may_be_news, write_alerts, write_new_alerts
    from detector.lake.reader import read_lake_with_integrity
    from detector.rules.candidates import candidates

    entries = rules.entries()
    read = partial(
        read_lake_with_integrity,
        lake,
        candidates().digest,
        now(),
        (selection.since, selection.until),
        fetches_all=False,
    )
    # Before the lock: a lake that does not exist is an error, not a new lake.
    events = read()
    if events.is_unused:
        say_error(DetectorError(f"nothing was ever ingested into {lake}", hint="detector ingest SOURCE --lake DIR"))
        raise typer.Exit(NO_LOG_OBJECTS)
    say_unlisted(lake, events.unlisted)
    with (
        output.open() as outputs,
        _open_to_write(lake) if new else nullcontext() as writer,
    ):
        detection = rules.detect(
            events if writer is None else read(),
            entries,
            is_of_interest=None if writer is None else partial(may_be_news, ledger=writer.ledger),
        )
        alerts = list(filter(selection.takes, detection.alerts))
        if writer is None:
            delivery = write_alerts(alerts, outputs, output.retry_policy())
        else:
            alerts, delivery = write_new_alerts(alerts, outputs, writer.ledger, output.retry_policy())
    say_warnings(detection, delivery)
    say_alerts(detection, alerts, output)
    say_delivery(delivery, remembered=new)
    say_gaps_in(lake, events.gaps)
    left_out = events.gaps.count
    basis = basis_of(
        detection, selection, objects=events.objects, gaps=left_out, attested=events.attested, shown=alerts
    )
    is_unmet = answer.is_unmet(basis)
    say_basis(basis, found_text(len(alerts), output.min_severity, new=new), must=is_unmet)
    gaps = 0 if answer.allow_gaps else left_out
    code = exit_code(None, detection.errors, alerts, output.fail_on, delivery, gaps=gaps, lacks_proof=is_unmet)
    raise typer.Exit(code)


def _open_to_write(lake: LakePlace) -> AbstractContextManager[LakeWriter]:
    from detector.lake.writer import open_to_write

    return open_to_write(lake)


def _list_withdrawn(lake: LakePlace, rules: RuleOptions, selection: Selection, output: OutputOptions) -> None:
    from detector.detect.withdrawal import withdrawn_alerts, write_withdrawn
    from detector.lake.reader import read_lake
    from detector.lake.remembered import read_emitted
    from detector.rules.candidates import candidates

    entries = rules.entries()
    emitted = read_emitted(lake)
    events = read_lake(lake, candidates().digest, verifies=True)
    if events.damaged:
        first = events.damaged[0]
        raise DetectorError(
            f"{first.uri} {first.reason}: what rests on it would look withdrawn",
            hint=REPAIR,
        )
    say_unlisted(lake, events.unlisted)
    with output.open(fits_terminal=False) as outputs:
        if any(one.form is not AlertFormat.JSONL or one.is_digest for one in outputs):
            raise UsageError("--withdrawn goes where lines of JSON go, each by itself", hint="give another --output")
        detection = rules.detect(events, entries)
        gone = list(filter(selection.takes, withdrawn_alerts(detection, emitted)))
        delivery = write_withdrawn(gone, outputs, output.retry_policy())
    say_warnings(detection, delivery)
    say_errors(detection)
    inform(f"{counted(len(gone), 'alert')} withdrawn, of {counted(len(emitted), 'alert')} written")
    say_delivery(delivery, remembered=False)
    raise typer.Exit(exit_code(None, detection.errors, (), None, delivery))
