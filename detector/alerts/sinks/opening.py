"""From what the user wrote after `--output` to the sink it names, and the format it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from detector.alerts.formats.formatting import header
from detector.alerts.formats.names import AlertFormat
from detector.alerts.formats.screen import Screen
from detector.alerts.sinks.local import AlertFile, StandardOutput
from detector.alerts.sinks.s3 import S3Folder
from detector.alerts.sinks.security_hub import SecurityHub
from detector.alerts.sinks.sink import Sink
from detector.errors import UsageError
from detector.sources.local import path_of_uri
from detector.text import is_scheme

_FORMS = "write a file, -, s3://BUCKET/PREFIX/, hec+https://HOST, https://HOST/PATH or securityhub:REGION"
_OWN_FORMATS = {"hec+https": AlertFormat.HEC, "hec+http": AlertFormat.HEC, "securityhub": AlertFormat.ASFF}
_NOT_JSON = {AlertFormat.CEF: ".log", AlertFormat.CSV: ".csv", AlertFormat.TABLE: ".txt"}


@dataclass(frozen=True, slots=True)
class Output:
    """A sink, and the format of the lines for it."""

    sink: Sink
    form: AlertFormat
    screen: Screen | None = None  # of standard output, where that is a terminal


@contextmanager
def open_outputs(
    outputs: Sequence[str] | None, form: AlertFormat | None = None, screen: Screen | None = None
) -> Iterator[tuple[Output, ...]]:
    """Hand out the outputs that `--output` names, standard output when there is none; close them in the end.

    Nothing is sent yet, but a file that cannot be written is found out here.

    Args:
        outputs: a path, `-`, or a URL each, and behind a colon its format where it is to have one of its own.
        form: `--format`, for those that take any format and name none. The default is that of the output.
        screen: what standard output is shown on; the default there is then a table that fits it.

    Raises:
        UsageError: one of them is none, two are the same, or none takes the format.
        SinkError: a file cannot be written.
    """
    chosen = [_with_format(output, form, screen) for output in outputs or ["-"]]
    if form is not None and all(taken is not form for _, taken in chosen):
        output, taken = chosen[0]
        raise UsageError(f"{output} takes the format {taken} alone", hint="leave --format out")
    with ExitStack() as opened:
        found: list[Output] = []
        for output, taken in chosen:
            shown_on = screen if output == "-" else None
            sink = _open_sink(output, taken, shown_on)
            opened.callback(sink.close)
            if any(sink.name == other.sink.name for other in found):
                raise UsageError(f"--output {sink.name} is given twice", hint="leave one out")
            found.append(Output(sink, taken, shown_on))
        for one in found:
            if isinstance(one.sink, AlertFile):
                one.sink.create()
        yield tuple(found)


def _with_format(output: str, form: AlertFormat | None, screen: Screen | None) -> tuple[str, AlertFormat]:
    """Return what an output is without the format behind its last colon, and the format that it takes.

    Raises:
        UsageError: it has a format of its own, and another is named.
    """
    output, named = split_format(output)
    default = AlertFormat.TABLE if screen and output == "-" else AlertFormat.JSONL
    own = _OWN_FORMATS.get(_scheme(output))
    if own and named not in (None, own):
        raise UsageError(f"{output} takes the format {own} alone", hint=f"leave :{named} out")
    return output, own or named or form or default


def split_format(output: str) -> tuple[str, AlertFormat | None]:
    """Return an output and the format behind its last colon; a port, a region and any other word is none."""
    place, _, word = output.rpartition(":")
    return (place, AlertFormat(word)) if place and word in set(AlertFormat) else (output, None)


def _scheme(output: str) -> str:
    """Return the scheme of a URL, `securityhub` also without slashes; an empty text for a path."""
    if output.startswith("securityhub:"):
        return "securityhub"
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", output)
    return found[1].lower() if found else ""


def _open_sink(output: str, form: AlertFormat, screen: Screen | None) -> Sink:
    if not output.strip():
        raise UsageError("--output is empty", hint=_FORMS)
    match _scheme(output):
        case "" if output == "-":
            return StandardOutput(header(form, screen))
        case "" if is_scheme(output):
            raise UsageError(f"--output: nothing is known of {output!r}", hint=f"{_FORMS}; for a file, ./{output}")
        case "":
            return AlertFile(Path(output), header(form))
        case "file":
            return AlertFile(path_of_uri(output), header(form))
        case "s3":
            return S3Folder(output, _NOT_JSON.get(form, ".jsonl"))
        case "hec+https" | "hec+http":
            from detector.alerts.sinks.hec import SplunkCollector  # brings urllib3, which takes longer than a rule

            return SplunkCollector(output)
        case "https" | "http" if form in _NOT_JSON:
            raise UsageError(f"--output: a webhook takes JSON, and {form} is none", hint="choose another --format")
        case "https" | "http":
            from detector.alerts.sinks.webhook import Webhook

            return Webhook(output)
        case "securityhub":
            return SecurityHub(output)
        case scheme:
            raise UsageError(f"--output: nothing is known of {scheme}://", hint=_FORMS)
