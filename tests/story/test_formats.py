"""Stories in every format: whole, bounded, and never what an attacker makes of them."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from detector.severity import Severity
from detector.story import lines, markdown, show
from detector.story.sentence import sentence, who
from detector.story.story import (
    Connection,
    Counted,
    Link,
    Made,
    MadeKind,
    Phase,
    Story,
    StoryEvent,
    StoryKind,
)
from detector.story.words import message, outcome, why
from detector.text import printable
from tests.story.cases import alert_about
from tests.story.test_weave import part

THEN = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
EVENT = StoryEvent(
    event_id="e1",
    event_time=THEN,
    account_id="111122223333",
    region="us-east-1",
    phase=Phase.CHANGED,
    actor="root",
    service="iam",
    event_name="CreateUser",
    target="eve",
    source_ip="203.0.113.9",
    user_agent="aws-cli/2",
    mfa=None,
    error_code=None,
    succeeded=True,
    is_write=True,
    is_probable=False,
    log_file="s3://trail/a.json.gz",
    log_file_index=3,
    integrity=None,
)
MADE = Made(MadeKind.KEY, "AKIAI44QH8DHBEXAMPLE", "eve", THEN, "e1", 2, THEN)
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](http://evil.example)",
    "![x](http://evil.example/p.png)",
    "http://evil.example www.evil.example @everyone #1",
    "a | b || `c` ``d`` \\| \\` \\",
    "x` <img src=x> [l](http://evil.example) `y | ` <img src=y> `",
    "line\n\n# heading\n- item\r\u2028\x1b]0;title\x07",
    "*bold* _it_ ~~s~~ &lt; &#124; $x$",
    '=HYPERLINK("http://evil.example")',
)


def story(text: str | None = None) -> Story:
    """A story; with a text, one in which everything that others choose is that text."""
    said = text or "plain"
    event = replace(EVENT, actor=said, event_name=said, target=said, source_ip=said, user_agent=said) if text else EVENT
    return Story(
        id="0123456789abcdef",
        kind=StoryKind.SESSION,
        account_id=said,
        key=said,
        who="root",
        first_time=THEN,
        last_time=THEN,
        until=THEN,
        addresses=(Counted(said, 2),),
        address_count=1,
        user_agents=(Counted(said, 2),),
        user_agent_count=1,
        mfa="yes",
        mfa_device=said,
        counts={**dict.fromkeys(Phase, 0), Phase.CHANGED: 3},
        events=(event, replace(event, error_code=said, succeeded=False, is_probable=True, phase=Phase.SIGN_IN)),
        made=(replace(MADE, name=said, owner=said), replace(MADE, uses=0, last_use=None, owner=None)),
        made_count=3,
        connections=(Connection("fedcba9876543210", Link.SAME_ADDRESS, said, is_later=False),),
        parts=("0123456789abcdef",),
        alerts=(replace(alert_about("e1"), summary=said),),
        severity=Severity.HIGH,
        sentence=f"root signed in from {said}",
    )


def html(text: str) -> str:
    rendered: str = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").render(text)
    return rendered


@pytest.mark.parametrize("text", HOSTILE)
def test_in_markdown_nothing_that_others_choose_is_markup(text: str) -> None:
    plain = story()
    for page in (markdown.story_page, lambda one: markdown.story_list([one], 2)):
        told, expected = (html("\n".join(page(one))) for one in (story(text), plain))
        for tag in (
            "<a ",
            "<img",
            "<script",
            "<em",
            "<strong",
            "<del",
            "<h1",
            "<h2",
            "<td",
            "<tr",
            "<li",
            "<ul",
            "<p>",
        ):
            assert told.count(tag) == expected.count(tag), tag
        # What GitHub and others make links and mentions of, where it is no code.
        assert not re.search(r"://|www\.|@|#\d(?!\d*;)", re.sub(r"`[^`]*`", "", "\n".join(page(story(text)))))


@given(st.text())
def test_any_text_stays_one_cell(text: str) -> None:
    [row] = list(markdown.event_table([replace(EVENT, target=text, actor=text)]))[2:]
    assert html("| a |" + " a |" * 7 + "\n|" + " --- |" * 8 + "\n" + row).count("<td") == 8
    shown = html(f"x {markdown.text(text)}")
    assert shown.count("<") == 2
    assert "\n" not in markdown.text(text)


def test_csv_holds_no_formula_and_a_cell_for_each_column() -> None:
    for text in HOSTILE:
        objects = [lines.story_object(story(text))]
        written = b"".join(lines.csv_lines(objects, lines.STORY_COLUMNS)).decode()
        heading, row = csv.reader(io.StringIO(written, newline=""))
        assert heading == list(lines.STORY_COLUMNS)
        assert len(row) == len(heading)
        assert not any(cell.startswith("=") for cell in row)
    written = b"".join(lines.csv_lines([lines.event_object(EVENT, story())], lines.EVENT_COLUMNS)).decode()
    cells = dict(zip(*csv.reader(io.StringIO(written, newline="")), strict=True))
    assert (cells["succeeded"], cells["error_code"], cells["event_name"]) == ("true", "", "CreateUser")


def test_a_timesketch_line_has_what_timesketch_requires() -> None:
    line = json.loads(b"".join(lines.jsonl([lines.timesketch(EVENT, story())])))
    assert line["message"] == "root called iam CreateUser on eve from 203.0.113.9: changed"
    assert line["timestamp_desc"] == "Root story: changed"
    assert datetime.fromisoformat(line["datetime"]) == THEN
    assert line["datetime"].endswith("+00:00")
    assert (line["event_id"], line["story_id"], line["log_file_index"]) == ("e1", "0123456789abcdef", 3)
    assert lines.timesketch(replace(EVENT, phase=None))["timestamp_desc"] == "CloudTrail event"


@pytest.mark.parametrize("text", ["x" * 100_000, "😀" * 50_000, "\x00" * 50_000])
def test_a_line_is_bounded_whatever_others_choose(text: str) -> None:
    large = story(text)
    large = replace(
        large,
        addresses=large.addresses * 20,
        user_agents=large.user_agents * 20,
        made=large.made * 50,
        connections=large.connections * 50,
        alerts=large.alerts * 5_000,
    )
    for one in (lines.story_object(large), *(lines.timesketch(event, large) for event in large.events)):
        [line] = lines.jsonl([one])
        assert len(line) < 32_000
        assert json.loads(line)
    assert lines.story_object(large)["alert_count"] == 5_000


def test_people_see_what_was_made_what_is_connected_and_what_came_of_it() -> None:
    shown = list(show.heading(story()))
    assert shown[0] == "0123456789abcdef  high  1 alert"
    assert shown[2] == "2026-03-01 09:00:00 to 2026-03-01 09:00:00 UTC; MFA: yes (device plain)"
    assert shown[3:] == [
        "made key plain of user plain at 2026-03-01 09:00:00: 2 calls, the last 2026-03-01 09:00:00",
        "made key AKIAI44QH8DHBEXAMPLE at 2026-03-01 09:00:00: not used since",
        "made 1 more",
        "connected with the earlier story fedcba9876543210: same address plain",
    ]
    first, second = map(show.event_row, story().events)
    assert first == ("2026-03-01 09:00:00", "changed", "root", "iam CreateUser", "eve", "203.0.113.9", "changed")
    assert second[1] == "sign-in, probably"
    assert [
        outcome(replace(EVENT, **change)) for change in ({"mfa": "no"}, {"mfa": "unknown"}, {"is_write": False})
    ] == [
        *("without MFA", "done", "read"),
    ]
    assert outcome(replace(EVENT, succeeded=False)) == "failed"
    nothing = replace(EVENT, service=None, event_name=None, target=None, source_ip=None)
    assert message(nothing) == "root called an unknown call: changed"
    later = Connection("x", Link.MADE_KEY, "AKIA", is_later=True)
    assert why(later) == "used access key AKIA of this one"


def test_a_list_says_how_much_is_not_shown() -> None:
    assert list(markdown.story_list([story()], 1_234))[-1] == "1,234 more are not shown."
    page = "\n".join(markdown.story_page(story()))
    assert "Not shown: 1 more event." in page
    assert printable(page.replace("\n", " ")) == page.replace("\n", " ")


@pytest.mark.parametrize("text", ["@" * 90_000, "😀" * 90_000, "\x00" * 90_000])
def test_people_see_the_beginning_of_what_is_very_long(text: str) -> None:
    large = story(text)
    of_list = [*markdown.story_list([large], 0), *map(str, show.story_row(large))]
    of_one = [*markdown.story_page(large), *show.heading(large), *map(str, chain(*map(show.event_row, large.events)))]
    # A reference is ten times as long as what it stands for.
    assert max(map(len, of_list + of_one)) < 30_000
    assert "characters)" in str(show.event_row(large.events[0])[4])


def test_a_sentence_is_whole_however_long_the_names_in_it() -> None:
    long = "x" * 90_000
    first = part("a", address=long)
    first = replace(first, opened_by=(long,), counts={**first.counts, Phase.SIGN_IN: 1})
    made = [replace(MADE, name=long)] * 3
    counts = {**dict.fromkeys(Phase, 0), Phase.AFTER: 30}
    for kind in StoryKind:
        one = replace(first, kind=kind, key=long, assumed_by=long)
        said = sentence(one, first.addresses, counts, made)
        assert len(said) < 600
        assert said.endswith("; what it made was used for 30 calls")
        assert len(who(one)) < 200
