"""From what the user wrote after `--output` to the sink it names, and the format it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from detector.alerts.alert import Alert
from detector.alerts.formats.formatting import header
from detector.alerts.formats.names import AlertFormat, NoticeFormat
from detector.alerts.formats.screen import Screen
from detector.alerts.sinks.address import BARE_SCHEMES, Address, parse_addresses
from detector.alerts.sinks.event_bus import EventBus
from detector.alerts.sinks.local import AlertFile, StandardOutput
from detector.alerts.sinks.s3 import S3Folder
from detector.alerts.sinks.security_hub import SecurityHub
from detector.alerts.sinks.sink import NamedSink, Sink
from detector.alerts.sinks.sns import SnsTopic
from detector.alerts.sinks.sqs import SqsQueue
from detector.errors import UsageError
from detector.severity import Severity
from detector.sources.local import path_of_uri
from detector.text import is_scheme, nearest

_FORMS = (
    "write a file, -, s3://BUCKET/PREFIX/, hec+https://HOST, https://HOST/PATH, slack+https://…, teams+https://…, "
    "pagerduty:VARIABLE, mailto:ADDRESS, securityhub:REGION, sns:ARN, sqs:URL or events:BUS"
)
_CHATS = (NoticeFormat.SLACK, NoticeFormat.TEAMS, NoticeFormat.PAGERDUTY)
_OWN_FORMATS: Mapping[str, AlertFormat | NoticeFormat] = {
    "hec+https": AlertFormat.HEC,
    "hec+http": AlertFormat.HEC,
    "securityhub": AlertFormat.ASFF,
    "sns": AlertFormat.JSONL,  # which says what the attributes of a message say
    "events": AlertFormat.JSONL,
    "mailto": NoticeFormat.MAIL,
    "pagerduty": NoticeFormat.PAGERDUTY,
    **{f"{form}+{scheme}": form for form in _CHATS for scheme in ("https", "http")},
}
_WITH_SLASHES = ("https", "s3", *(form for form in _OWN_FORMATS if form.endswith("+https")))
_KNOWN = (*BARE_SCHEMES, *_WITH_SLASHES)
_NOT_JSON = {AlertFormat.CEF: ".log", AlertFormat.CSV: ".csv", AlertFormat.TABLE: ".txt"}
# Of the outputs that take the native format, those for which a message is a message.
_TAKE_DIGESTS = ("https", "http", "sns", "sqs", "events")


@dataclass(frozen=True, slots=True)
class Output:
    """A sink, the format of the lines for it, and which alerts it gets."""

    sink: Sink
    form: AlertFormat | NoticeFormat
    screen: Screen | None = None  # of standard output, where that is a terminal
    min_severity: Severity = Severity.INFO
    is_digest: bool = False

    def takes(self, alert: Alert) -> bool:
        """Tell whether an alert is for this output; people are told of none that somebody has answered for."""
        is_told = not isinstance(self.form, NoticeFormat) or alert.suppressed_by is None
        return is_told and alert.severity.is_at_least(self.min_severity)


@contextmanager
def open_outputs(
    outputs: Sequence[str] | None, form: AlertFormat | None = None, screen: Screen | None = None
) -> Iterator[tuple[Output, ...]]:
    """Hand out the outputs that `--output` names, standard output when there is none; close them in the end.

    Nothing is sent yet, but a file that cannot be written is found out here.

    Args:
        outputs: a path, `-`, or a URL each, behind a colon its format where it is to have one of its own, and its
            options behind blanks.
        form: `--format`, for those that take any format and name none. The default is that of the output.
        screen: what standard output is shown on; the default there is then a table that fits it.

    Raises:
        UsageError: one of them is none, two are the same, or none takes the format.
        SinkError: a file cannot be written.
    """
    chosen = [(address, _form_of(address, form, screen)) for address in parse_addresses(outputs or ["-"])]
    if form is not None and all(taken is not form for _, taken in chosen):
        address, taken = chosen[0]
        raise UsageError(f"{address.shown} takes the format {taken} alone", hint="leave --format out")
    with ExitStack() as opened:
        found: list[Output] = []
        for address, taken in chosen:
            output = _open(address, taken, screen)
            opened.callback(output.sink.close)
            if any(output.sink.name == other.sink.name for other in found):
                raise UsageError(f"--output {output.sink.name} is given twice", hint="leave one out")
            found.append(output)
        for one in found:
            if isinstance(one.sink, AlertFile):
                one.sink.create()
        yield tuple(found)


def _form_of(address: Address, form: AlertFormat | None, screen: Screen | None) -> AlertFormat | NoticeFormat:
    """Return the format that an output takes.

    Raises:
        UsageError: it has a format of its own, and another is named.
    """
    default = AlertFormat.TABLE if screen and address.place == "-" else AlertFormat.JSONL
    own = _OWN_FORMATS.get(address.scheme)
    if own and address.form not in (None, own):
        raise UsageError(f"{address.shown} takes the format {own} alone", hint=f"leave :{address.form} out")
    return own or address.form or form or default


def _open(address: Address, form: AlertFormat | NoticeFormat, screen: Screen | None) -> Output:
    wishes = address.wishes
    can_digest = isinstance(form, NoticeFormat) or (form is AlertFormat.JSONL and address.scheme in _TAKE_DIGESTS)
    if wishes.is_digest and not can_digest:
        raise UsageError(
            f"--output {address.shown} takes no digest", hint="a file of this name: write digest=false behind it"
        )
    if wishes.name is not None and address.scheme in ("", "file"):
        raise UsageError("--output: a file is known by its path, and takes no name", hint="leave name= out")
    shown_on = screen if address.place == "-" else None
    sink = _open_sink(address, form, shown_on)
    is_digest = form is NoticeFormat.MAIL if wishes.is_digest is None else wishes.is_digest
    return Output(
        # With its kind: what waits for a chat is nothing for a mailbox that gets the name later.
        sink if wishes.name is None else NamedSink(sink, f"{address.scheme.partition('+')[0]}:{wishes.name}"),
        form,
        shown_on,
        wishes.min_severity,
        is_digest,
    )


def _open_sink(address: Address, form: AlertFormat | NoticeFormat, screen: Screen | None) -> Sink:
    place = address.place
    if not place.strip():
        raise UsageError("--output is empty", hint=_FORMS)
    match address.scheme:
        case "hec+https" | "hec+http":
            from detector.alerts.sinks.hec import SplunkCollector  # brings urllib3, which takes longer than a rule

            return SplunkCollector(place)
        case "securityhub":
            return SecurityHub(place)
        case "sns":
            return SnsTopic(place)
        case "mailto":
            from detector.alerts.sinks.mail import Mailbox

            return Mailbox(place)
        case "events":
            return EventBus(place)
        case scheme:
            if isinstance(form, NoticeFormat):
                from detector.alerts.sinks.chat import ChatHook

                return ChatHook(place, form)
            return _open_for_any_format(place, scheme, form, screen)


def _open_for_any_format(place: str, scheme: str, form: AlertFormat, screen: Screen | None) -> Sink:
    match scheme:
        case "" if place == "-":
            return StandardOutput(header(form, screen))
        case "" if is_scheme(place):
            word = place.partition(":")[0]
            raise UsageError(
                f"--output: nothing is known of {word}:", hint=f"{_meant(word)}; for a file, write ./ before it"
            )
        case "":
            return AlertFile(Path(place), header(form))
        case "file":
            return AlertFile(path_of_uri(place), header(form))
        case "s3":
            return S3Folder(place, _NOT_JSON.get(form, ".jsonl"))
        case "https" | "http" | "sqs" if form in _NOT_JSON:
            taker = "a queue" if scheme == "sqs" else "a webhook"
            raise UsageError(f"--output: {taker} takes JSON, and {form} is none", hint="choose another --format")
        case "sqs":
            return SqsQueue(place)
        case "https" | "http":
            from detector.alerts.sinks.webhook import Webhook

            return Webhook(place)
        case _:
            raise UsageError(f"--output: nothing is known of {scheme}://", hint=_meant(scheme))


def _meant(scheme: str) -> str:
    """Return a hint for a scheme that is none: the one that was meant, or all forms."""
    near = next((form for form in _WITH_SLASHES if form == f"{scheme}+https"), None) or nearest(scheme, _KNOWN)
    return f"did you mean {near}:{'//' if near in _WITH_SLASHES else ''}?" if near else _FORMS
