"""`detector timeline`: the sessions of root as stories, and what anybody did around an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import TimelineFormat, format_option
from detector.cli.exit_codes import DONE, NO_LOG_OBJECTS, exit_code
from detector.cli.lake_option import Lake
from detector.cli.options import AllowGaps, RuleOptions, Since, Until, window
from detector.cli.summary import say_errors, say_gaps_in, say_unlisted
from detector.cli.terminal import inform, say, say_error
from detector.errors import DetectorError, UsageError
from detector.text import counted, printable, table_lines
from detector.times import now

if TYPE_CHECKING:
    from detector.lake.place import LakePlace
    from detector.lake.reader import Snapshot
    from detector.story.story import Stories, Story, StoryEvent

_MOST_OF_ONE = 10_000  # events of the one story that is asked for, or around one event
_MINUTES = 15  # before and after an event
_MOST_OF_EACH = 1_000  # events of each story, where it is events that are written


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    account: Annotated[
        list[str] | None, typer.Option("--account", help="Show only this account; repeat for more.", metavar="ID")
    ] = None
    since: Since = None
    until: Until = None
    story: Annotated[
        str | None, typer.Option("--story", help="Show the events of this story; alerts name it.", metavar="ID")
    ] = None
    around: Annotated[
        str | None,
        typer.Option("--around", help="Show what anybody did around this event instead.", metavar="EVENT_ID"),
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            min=0,
            max=10_080,
            help="With --around: how long before and after.",
            metavar="NUMBER",
            show_default=f"{_MINUTES}",
        ),
    ] = None

    def require_one(self) -> None:
        """Refuse what cannot be asked together.

        Raises:
            UsageError: it is.
        """
        limits = self.account or self.since or self.until
        if self.minutes is not None and self.around is None:
            raise UsageError("--minutes needs --around", hint="--since and --until choose stories by time")
        if self.minutes is not None and isnan(self.minutes):
            raise UsageError("--minutes: not a number", hint="for example --minutes 60")
        if self.around is not None and (self.story is not None or limits):
            raise UsageError(
                "--around cannot be combined with --story, --account, --since or --until",
                hint="it takes accounts and time from the event; --minutes says how much time",
            )
        if self.story is not None and limits:
            raise UsageError(
                "--story cannot be combined with --account, --since or --until", hint="a story is told as a whole"
            )


def timeline_command(
    lake: Lake,
    question: Question = Question(),
    format_: Annotated[
        TimelineFormat,
        format_option(
            TimelineFormat,
            "Format; docs/guide/investigate.md describes them. timesketch writes events, of all stories.",
        ),
    ] = TimelineFormat.TABLE,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.", metavar="FILE")] = None,
    rules: RuleOptions = RuleOptions(),  # noqa: B008 - frozen
    allow_gaps: AllowGaps = False,
) -> None:
    """Tell root's sessions as stories.

    A story is one sign-in of root (or one access key of root's and day, or one AssumeRoot) with what led to it: failed
    sign-ins, recoveries, MFA removed; with what was changed, read and refused; and with what the keys, users, roles
    and sessions did afterwards that it made. Lists the stories, newest first; --story shows the events of one, by the
    id that alerts have in context.story; --around shows everything that anybody did around an event.

    Exit codes: 0 told, 2 bad usage, bad rule or an error, 3 no story, 4 the lake has gaps.

    Example: detector timeline --lake lake/ --since 30d

    Example: detector timeline --lake lake/ --story 0b9f8a7e022d2a7e --format markdown --output ticket.md
    """
    question.require_one()
    events = _open_lake(lake)
    errors: Sequence[DetectorError] = ()
    has_stories = True
    if question.around is not None:
        _write(event_lines(_around(events, question), format_, is_shown=output is None), output)
    else:
        errors, has_stories = _tell(events, question, rules, format_, output)
    code = exit_code(None, errors, gaps=0 if allow_gaps else events.gaps.count)
    raise typer.Exit(code if code != DONE or has_stories else NO_LOG_OBJECTS)


def _open_lake(lake: LakePlace) -> Snapshot:
    from detector.lake.reader import read_lake_with_integrity
    from detector.rules.candidates import candidates

    events = read_lake_with_integrity(lake, candidates().digest, now())
    say_unlisted(lake, events.unlisted)
    say_gaps_in(lake, events.gaps)
    return events


def _tell(
    events: Snapshot, question: Question, rules: RuleOptions, form: TimelineFormat, output: Path | None
) -> tuple[Sequence[DetectorError], bool]:
    """Write the stories; return the rules that did not run, and whether there is a story."""
    from detector.detect.detect import detect_through
    from detector.rules.engine import Engine
    from detector.story.story import Asked
    from detector.story.tell import tell_stories

    asked = Asked(frozenset(question.account or ()), *window(question.since, question.until))
    if question.story is not None:
        asked = Asked(story_id=question.story, most_events=_MOST_OF_ONE)
    elif form is TimelineFormat.TIMESKETCH:
        asked = replace(asked, most_events=_MOST_OF_EACH)
    entries = rules.entries()
    with Engine(events, time_limit_seconds=rules.rule_seconds, row_cap=rules.rule_findings) as engine:
        detection = detect_through(engine, rules.directories, now(), entries, rule_findings=rules.rule_findings)
        say_errors(detection)
        told = tell_stories(engine, detection.alerts, asked)
    if question.story is not None:
        if not told.stories:
            raise UsageError(f"no story {question.story}", hint="`detector timeline` lists the stories of a lake")
        _write(story_lines(told.stories[0], form, is_shown=output is None), output)
        return detection.errors, True
    _write(list_lines(told, form, is_shown=output is None), output)
    if told.stories:
        inform(counted(len(told.stories), "story", "stories"))
    else:
        nothing = "no story: nothing of root in what was asked for"
        say_error(DetectorError(nothing, hint="`detector status` shows what the lake holds"))
    left_out = sum(story.event_count - len(story.events) for story in told.stories)
    if left_out and form is TimelineFormat.TIMESKETCH:
        say(f"{counted(left_out, 'more event')} of these stories; --story writes more of one")
    if told.untold:
        say(f"{told.untold:,} more are not shown; --account, --since and --until choose")
    return detection.errors, bool(told.stories)


def list_lines(told: Stories, form: TimelineFormat, *, is_shown: bool) -> Iterable[bytes]:
    """Return a list of stories as a format has it; `is_shown`: on standard output, which may be a terminal."""
    from detector.story import lines, markdown, show

    match form:
        case TimelineFormat.TIMESKETCH:
            return chain.from_iterable(event_lines(one.events, form, one, is_shown=is_shown) for one in told.stories)
        case TimelineFormat.JSONL:
            return lines.jsonl(map(lines.story_object, told.stories))
        case TimelineFormat.CSV:
            return lines.csv_lines(map(lines.story_object, told.stories), lines.STORY_COLUMNS)
        case TimelineFormat.MARKDOWN:
            return _encoded(markdown.story_list(told.stories, told.untold))
        case TimelineFormat.TABLE:
            return _encoded(_table(show.STORY_HEADINGS, list(map(show.story_row, told.stories)), is_shown=is_shown))


def story_lines(story: Story, form: TimelineFormat, *, is_shown: bool) -> Iterable[bytes]:
    """Return one story with its events as a format has it."""
    from detector.story import markdown, show

    table = event_lines(story.events, form, story, is_shown=is_shown)
    if form is TimelineFormat.MARKDOWN:
        return _encoded(markdown.story_page(story))
    if form is not TimelineFormat.TABLE:
        return table
    more = story.event_count - len(story.events)
    rest = [f"… {counted(more, 'more event')}; `detector sql` has all"] if more else []
    return chain(_encoded(map(printable, [*show.heading(story), ""])), table, _encoded(rest))


def event_lines(
    events: Sequence[StoryEvent], form: TimelineFormat, story: Story | None = None, *, is_shown: bool
) -> Iterable[bytes]:
    """Return events, of a story or of none, as a format has them."""
    from detector.story import lines, markdown, show

    match form:
        case TimelineFormat.TIMESKETCH:
            return lines.jsonl(lines.timesketch(event, story) for event in events)
        case TimelineFormat.JSONL:
            return lines.jsonl(lines.event_object(event, story) for event in events)
        case TimelineFormat.CSV:
            return lines.csv_lines((lines.event_object(event, story) for event in events), lines.EVENT_COLUMNS)
        case TimelineFormat.MARKDOWN:
            return _encoded(markdown.event_table(events))
        case TimelineFormat.TABLE:
            return _encoded(_table(show.EVENT_HEADINGS, list(map(show.event_row, events)), is_shown=is_shown))


def _around(events: Snapshot, question: Question) -> Sequence[StoryEvent]:
    from detector.story.around import events_around

    minutes = _MINUTES if question.minutes is None else question.minutes
    found = events_around(events, question.around or "", minutes, _MOST_OF_ONE)
    inform(f"{counted(len(found.events), 'event')} within {minutes:g} minutes")
    if found.is_cut:
        say("there are more, further away in time; --minutes takes less")
    return found.events


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, is_shown: bool) -> Iterator[str]:
    from detector.cli.tables import fitted_lines

    return (fitted_lines if is_shown else table_lines)(headings, rows)


def _encoded(lines: Iterable[str]) -> Iterator[bytes]:
    return (f"{line}\n".encode("utf-8", "backslashreplace") for line in lines)


def _write(lines: Iterable[bytes], output: Path | None) -> None:
    from detector.cli.rows import open_output

    with open_output(output) as file:
        file.writelines(lines)
