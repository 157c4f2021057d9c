"""Text for people: what others chose made safe to show, things counted, tables aligned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

_LONGEST = 600  # characters of one value
# Letters and marks that take no ink, or no room; Python counts them among what can be printed. Source: Unicode 15.1,
# DerivedCoreProperties.txt, Default_Ignorable_Code_Point; the others are blank by design.
_UNSEEN = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
_UNITS = ("B", "kB", "MB", "GB", "TB")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|inf)")
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9\[][!-~]*", re.IGNORECASE)
# What begins a formula, the full-width forms too, which spreadsheets of some languages accept.
_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 - meant as they are

# Of Splunk's collector and PagerDuty it is none: a token goes with what is sent there.
_SECRET_PATHS = ("https", "http", "slack+https", "slack+http", "teams+https", "teams+http")
_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.:-]*://)[^/?#]*@")
_FINGERPRINT = re.compile(r"~[0-9a-f]{16}")


def printable(text: object) -> str:
    """Return text in which control characters, and those that cannot be seen, are escaped.

    Object keys, user names and error messages are chosen by others; none of them may move the cursor or set a title,
    and no two of them that differ may look alike because of what takes no ink.
    """
    written = "".join(c if c.isprintable() else _escaped(c) for c in str(text))
    return _UNSEEN.sub(lambda match: _escaped(match[0]), written)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def shown(value: object) -> str:
    """Return a value as people see it: printable, and of a very long one the beginning and its length."""
    text = "" if value is None else str(value)
    beginning = printable(text[:_LONGEST])
    if len(text) <= _LONGEST and len(beginning) <= _LONGEST:
        return beginning
    return f"{beginning[:_LONGEST]}… ({counted(len(text), 'character')})"


def spreadsheet_cell(cell: str) -> str:
    """Return printable text; what a spreadsheet would run as a formula begins with an apostrophe, as OWASP advises."""
    is_formula = cell.lstrip().startswith(_FORMULA) and not _NUMBER.fullmatch(cell)
    return printable(f"'{cell}" if is_formula else cell)


def is_scheme(text: str) -> bool:
    """Tell whether text begins as `word:` does, and so is meant as an address of some kind and not as a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) is not None


def url_without_path(url: str, *, hides_query: bool = False) -> str:
    """Return `https://HOST/~FINGERPRINT` for a webhook's URL, whose path may be all that keeps others from sending.

    What has no path, and other schemes, is returned as it is but for a user name and password.

    Args:
        url: with anything; nothing of it but the scheme is shown when it cannot be taken apart.
        hides_query: its query is a fingerprint already.
    """
    written, _, rest = url.partition("://")
    scheme = written.lower()
    if scheme not in _SECRET_PATHS:
        return _CREDENTIALS.sub(r"\1", url)
    try:
        parts = urlsplit(f"https://{rest}")
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return f"{scheme}://…"
    query = parts.query if hides_query or not parts.query else _fingerprint(parts.query, 8)
    secret = parts.path.removeprefix("/") + (f"?{query}" if query else "")
    if not secret or _FINGERPRINT.fullmatch(secret):
        return f"{scheme}://{host}{parts.path}"
    return f"{scheme}://{host}/~{_fingerprint(secret, 16)}"


def _fingerprint(secret: str, length: int) -> str:
    from hashlib import sha256  # brings OpenSSL, for which --help does not wait

    return sha256(secret.encode("utf-8", "replace")).hexdigest()[:length]


def is_web_address(text: str) -> bool:
    """Tell whether text is the address of a web page, safe to show and to follow as it stands."""
    return _WEB_ADDRESS.fullmatch(text) is not None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that somebody who wrote this one is likely to have meant."""
    from difflib import get_close_matches  # only for an error

    return next(iter(get_close_matches(word, list(known), n=1)), None)


def one_line(error: object) -> str:
    """Return a message without line ends and of bounded length; AWS's own hold XML and whole policies at times."""
    return " ".join(str(error).split())[:500]


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return `1 row`, `2,000 rows`; with a plural of its own, `2,000 prefixes`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def size_text(size_bytes: float) -> str:
    """Return a size in decimal units: `8.0 MB`."""
    for unit in _UNITS:
        if abs(size_bytes) < 1000 or unit == _UNITS[-1]:
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"


def cell_text(cell: object) -> str:
    """Return a cell of a table as it is shown."""
    return f"{cell:,}" if isinstance(cell, int) else printable("" if cell is None else cell)


def table_lines(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table; numbers to the right, text to the left, columns two spaces apart."""
    numeric = [bool(rows) and all(isinstance(row[column], int) for row in rows) for column in range(len(headings))]
    cells = [list(map(printable, headings))] + [[cell_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        aligned = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        yield "  ".join(aligned).rstrip()
