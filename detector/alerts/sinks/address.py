"""What the user wrote after `--output`, taken apart: `PLACE[:FORMAT] [OPTION …]`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from detector.alerts.formats.names import AlertFormat
from detector.errors import UsageError
from detector.severity import Severity
from detector.text import nearest, url_without_path

_WORD = re.compile(r"([a-z][a-z-]*)=(\S*)")
_SETTING = re.compile(r"([a-z][a-z-]{1,31})=(\S+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Schemes that stand without slashes; no other word before a colon is one, so that `C:x` and `a:csv` stay files.
BARE_SCHEMES = ("securityhub", "sns", "sqs", "events", "pagerduty", "mailto")
_FILES = ("", "file")  # schemes
_DIGEST = "digest"
_VARIABLE_PREFIX = "DETECTOR_OUTPUT_"
_HINT = "docs/reference/outputs.md lists the options of an output"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one output asks for, beside its place and format."""

    min_severity: Severity = Severity.INFO
    is_digest: bool | None = None  # None: as is the custom of the place
    name: str | None = None  # in place of the one that follows from the place


@dataclass(frozen=True, slots=True)
class Address:
    """One output as it was written."""

    place: str = field(repr=False)  # a URL may be a secret as a whole
    form: AlertFormat | None
    wishes: Wishes = Wishes()

    @property
    def scheme(self) -> str:
        """The scheme of a URL, or a word such as `sns` before a colon; an empty text for a path."""
        return scheme_of(self.place)

    @property
    def shown(self) -> str:
        """The place as it may be shown."""
        return url_without_path(self.place)


def parse_addresses(outputs: Iterable[str]) -> list[Address]:
    """Parse all outputs of a command.

    A variable parts its values at blanks, those in front of options too: what has only options belongs to the output
    before it.

    Raises:
        UsageError: an option of one of them is none, or names what is not there.
    """
    joined: list[str] = []
    for output in outputs:
        if joined and _continues(joined[-1], output):
            joined[-1] += f" {output}"
        else:
            joined.append(output)
    return [_parse(output) for output in joined]


def _continues(before: str, output: str) -> bool:
    """Tell whether this is only options; the bare word `digest` behind a file is another file."""
    words = output.split()
    is_after_file = is_file(before) or before == "-"
    return bool(words) and all(is_option(word) and not (is_after_file and word == _DIGEST) for word in words)


def scheme_of(place: str) -> str:
    """Return the scheme of a URL, lower case; an empty text for a path."""
    for scheme in BARE_SCHEMES:
        if place.startswith(f"{scheme}:"):
            return scheme
    found = _SCHEME.match(place)
    return found[1].lower() if found else ""


def split_format(output: str) -> tuple[str, AlertFormat | None]:
    """Return a place and the format behind its last colon; a port, a region and any other word is none."""
    place, _, word = output.rpartition(":")
    return (place, AlertFormat(word)) if place and word in set(AlertFormat) else (output, None)


def shown_output(output: str) -> str:
    """Return an output as it may be shown: of a URL whose path may be a secret, a fingerprint."""
    place, options = _split_options(output)
    return " ".join([url_without_path(split_format(place)[0]), *options])


def is_file(output: str) -> bool:
    """Tell whether an output is a file that may be relative, and not `-`, a URL or a name."""
    place = _split_options(output)[0]
    return place != "-" and not place.startswith("@") and not scheme_of(split_format(place)[0])


def written_output(settings: Mapping[str, Any]) -> str:
    """Return what is typed for an output that a table describes: `to` and its options.

    Raises:
        UsageError: a key is none, or what it is set to has another type or a blank in it.
    """
    words = []
    for key, value in settings.items():
        text = str(value).lower() if isinstance(value, bool) else value
        if key == "to":
            continue
        if not isinstance(text, str) or not _WORD.fullmatch(f"{key}={text}"):
            raise UsageError(f"an output's {key} cannot be set to that", hint=_HINT)
        words.append(f"{key}={text}")
    place = settings.get("to")
    if not isinstance(place, str) or not place:
        raise UsageError("an output has no `to`", hint='write { to = "https://HOST/PATH", min-severity = "high" }')
    output = " ".join([place, *words])
    _wishes(words, Wishes())
    return output


def _parse(output: str) -> Address:
    place, options = _split_options(output)
    if place.startswith("@"):
        named = _parse(_of_environment(place))
        name = named.wishes.name or place.removeprefix("@")
        known = named.wishes if named.scheme in _FILES else replace(named.wishes, name=name)
        return replace(named, wishes=_wishes(options, known))
    place, form = split_format(place)
    if scheme_of(place) and len(words := [word for word in place.split(" ") if word]) > 1:
        raise _no_option(words[1])
    return Address(place, form, _wishes(options, Wishes()))


def _split_options(output: str) -> tuple[str, list[str]]:
    """Return the place, and the options behind it in the order in which they stand."""
    words = output.split(" ")
    first = len(words)
    while first > 1 and is_option(words[first - 1]):
        first -= 1
    return " ".join(words[:first]).rstrip(" "), [word for word in words[first:] if word]


def is_option(word: str) -> bool:
    """Tell whether a word is an option of an output; a blank more parts nothing."""
    found = _WORD.fullmatch(word)
    return word in ("", _DIGEST) or (found is not None and found[1] in _OPTIONS)


def _of_environment(place: str) -> str:
    name = place.removeprefix("@")
    variable = _VARIABLE_PREFIX + name.upper().replace("-", "_")
    hint = f"set {variable}; for a file of this name, write ./{place}"
    if not _NAME.fullmatch(name):
        raise UsageError(f"--output {place}: a name has letters, digits, - and _", hint=f"for a file, write ./{place}")
    output = os.environ.get(variable, "").strip()
    if not output:
        raise UsageError(f"--output {place}: {variable} holds no output", hint=hint)
    if output.startswith("@"):
        raise UsageError(f"--output {place}: {variable} holds a name again", hint="let it hold a URL")
    return output


def _wishes(words: Iterable[str], wishes: Wishes) -> Wishes:
    for word in words:
        name, _, value = word.partition("=")
        read = _OPTIONS.get(name)
        if read is None:
            raise UsageError(f"--output: {name!r} is no option of an output", hint=_near(name))
        wishes = replace(wishes, **read(value if "=" in word else "true"))
    return wishes


def _no_option(word: str) -> UsageError:
    """Return the error for a word behind a URL; it may be a piece of that, and is named only as a setting."""
    named = _SETTING.fullmatch(word)
    what = repr(named[1]) if named else "what stands behind the URL"
    if named and named[1] == "format" and named[2] in set(AlertFormat):
        hint = f"the format stands behind a colon: https://HOST/PATH:{named[2]}"
    else:
        hint = _near(word)
    return UsageError(f"--output: {what} is no option of an output", hint=hint)


def _near(word: str) -> str:
    near = nearest(word.partition("=")[0], _OPTIONS)
    return f"did you mean {near}?" if near else _HINT


def _severity(value: str) -> dict[str, Any]:
    if value not in set(Severity):
        raise UsageError("--output: min-severity is no severity", hint=f"one of {', '.join(Severity)}")
    return {"min_severity": Severity(value)}


def _digest(value: str) -> dict[str, Any]:
    if value not in ("true", "false"):
        raise UsageError("--output: digest is true or false", hint="write digest, or digest=false")
    return {"is_digest": value == "true"}


def _name(value: str) -> dict[str, Any]:
    if not _NAME.fullmatch(value):
        raise UsageError("--output: a name has letters, digits, - and _", hint="write name=on-call")
    return {"name": value}


_OPTIONS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "min-severity": _severity,
    _DIGEST: _digest,
    "name": _name,
}
