"""The report as a page, or as Markdown. Whatever comes from logs is text there and nothing else.

The page makes no request and runs no script: its policy allows one style sheet, by its hash, and nothing more.
Source: W3C, "Content Security Policy Level 3", hash-source, and the meta element.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from detector import text
from detector.report.alert_groups import anchor, one_of_each, some_of_each_account
from detector.report.report import Report
from detector.report.strip import DayState
from detector.report.told import AXIS
from detector.story.markdown import text as plain_text
from detector.story.words import call_of, clock, outcome, phase_of, why
from detector.text import counted
from detector.times import rfc3339
from detector.verify.coverage import NEXT_STEP

_TEMPLATES: Final = "templates"
_LINE_START: Final = re.compile(r"^(?=[-+=]|[0-9]{1,9}[.)](?: |$))")  # what begins a list or underlines a heading


def page(report: Report) -> str:
    """Return the report as one HTML file."""
    css = Markup(style())  # noqa: S704 - a file of our own
    template = _environment("html").get_template("report.html.j2")
    return template.render(report=report, css=css, style_hash=style_hash())


def markdown(report: Report) -> str:
    """Return the report as Markdown, for a ticket or a mail."""
    return _environment("markdown").get_template("report.md.j2").render(report=report)


@cache
def style() -> str:
    """Return the style sheet."""
    return resources.files("detector.report").joinpath(_TEMPLATES, "report.css").read_text(encoding="utf-8")


def style_hash() -> str:
    """Return the style sheet's hash as a policy names it."""
    return f"sha256-{b64encode(sha256(style().encode()).digest()).decode()}"


def shown(value: object) -> str:
    """Return a value as people see it: printable, never very long; None is unknown."""
    return text.shown("unknown" if value is None else value)


def markdown_text(value: object) -> str:
    """Return a value that is text in Markdown, whoever renders it: no link, mention, table, heading or HTML."""
    return _LINE_START.sub(lambda _: "\u200b", plain_text(" ".join(shown(value).split())))


def _environment(form: str) -> Environment:
    is_page = form == "html"
    environment = Environment(
        loader=PackageLoader("detector.report", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Of each value, before it is escaped: what is Markup already stays as it is.
        finalize=_page_value if is_page else _markdown_value,
    )
    environment.filters |= {
        "counted": counted,
        "anchor": anchor,
        "call": call_of,
        "as_it_is": Markup,  # of our own words only
        "file_name": lambda uri: uri.rsplit("/", 1)[-1],
        "moment": _page_moment if is_page else clock,
        "plain_moment": clock,
        "some_of_each_account": some_of_each_account,
        "one_of_each": one_of_each,
        "number": lambda number: f"{number:,}",
        "outcome": outcome,
        "phase": phase_of,
        "why": why,
        "words": lambda name: str(name).replace("_", " "),
    }
    environment.globals |= {
        "AXIS": AXIS,
        "CHECKS": _CHECKS,
        "NEXT_STEP": NEXT_STEP,
        "STATES": _STATES,
    }
    return environment


_STATES: Final = {
    DayState.SIGNED: "every hour is signed by AWS and complete",
    DayState.PARTLY: "some hours are signed and complete",
    DayState.EVENTS: "there are events, and none of its hours is signed",
    DayState.NOTHING: "no event, and nothing that says there was none",
    DayState.DAMAGED: "a file is not as AWS signed it",
}

_CHECKS: Final = (
    ("detector verify SOURCE --lake DIR", "Hold the log files against what AWS has signed"),
    ("detector timeline --lake DIR --story ID", "See every event of a session"),
    (
        "detector sql \"SELECT * FROM events WHERE eventID = 'ID'\" --lake DIR --format jsonl",
        "Read the record of an event",
    ),
    ("detector rules explain RULE --event-id ID --lake DIR", "Ask why a rule reports an event, or does not"),
    ("detector bundle --lake DIR --output case.bag", "Pack the log files that the alerts rest on, for others to check"),
    ("detector bundle verify case.bag", "Check such a bag, from its bytes alone"),
)


def _page_value(value: object) -> object:
    return value if isinstance(value, Markup) else shown(value)


def _markdown_value(value: object) -> object:
    return value if isinstance(value, Markup) else Markup(markdown_text(value))  # noqa: S704 - made safe by it


def _page_moment(moment: datetime) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(moment), clock(moment))


FORMATS: Final[dict[str, Callable[[Report], str]]] = {"html": page, "markdown": markdown}
