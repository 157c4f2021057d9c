"""Text that others chose, made safe to show: no control characters for a terminal, no formula for a spreadsheet."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|inf)")
# What begins a formula, the full-width forms too, which spreadsheets of some languages accept.
_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 - meant as they are


def printable(text: object) -> str:
    """Return text in which control and invisible formatting characters are escaped.

    Object keys, user names and error messages are chosen by others; none of them may move the cursor or set a title.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def spreadsheet_cell(cell: str) -> str:
    """Return printable text; what a spreadsheet would run as a formula begins with an apostrophe, as OWASP advises."""
    is_formula = cell.lstrip().startswith(_FORMULA) and not _NUMBER.fullmatch(cell)
    return printable(f"'{cell}" if is_formula else cell)
