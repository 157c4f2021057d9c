"""`--rule-pages`: where the pages about rules are."""

from __future__ import annotations

from typing import Annotated

import typer

from detector.errors import UsageError
from detector.text import is_web_address, printable

_MOST_CHARACTERS = 300  # with an id behind them they fit into an alert uncut


def require_pages(pages: str | None) -> str | None:
    """Return the beginning of the pages' URLs; refuse what can be none."""
    if pages is not None and not (is_web_address(pages) and len(pages) <= _MOST_CHARACTERS):
        raise UsageError(
            f"--rule-pages {printable(pages)[:80]} is not the beginning of a web address",
            hint="write all that stands before a rule's id, such as https://wiki.example.com/rules.md#",
        )
    return pages


RulePages = Annotated[
    str | None,
    typer.Option(
        "--rule-pages",
        help="Beginning of the URLs of pages about rules; a rule's id follows. Alerts name the page as rule_url.",
        metavar="URL",
        callback=require_pages,
    ),
]
