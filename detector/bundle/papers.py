"""The papers of a bag: what its files beside the objects say. Pure but for who and where."""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detector import __version__
from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import json_line
from detector.alerts.formats.native import to_native
from detector.bundle.entry import Entry
from detector.bundle.facts import Judged
from detector.text import printable
from detector.times import now, rfc3339
from detector.verify.coverage import hours_of
from detector.verify.keys import Span
from detector.verify.verdicts import Asked, LocationVerdict

if TYPE_CHECKING:
    from detector.sources.public_keys import AnsweredPage

STATEMENT_SCHEMA: Final = "detector.bundle/1"


def readme() -> bytes:
    """Return `README.txt`: what a bag is, and how to check it by hand."""
    return resources.files("detector.bundle").joinpath("README.txt").read_bytes()


def alert_lines(alerts: Iterable[Alert]) -> Iterator[bytes]:
    """Yield alerts in the native format, without the moment of this detection: the statement has it."""
    for alert in alerts:
        native = to_native(alert)
        del native["detected_at"]
        yield json_line(native)


def object_lines(entries: Iterable[Entry], judged: Judged) -> Iterator[bytes]:
    """Yield `objects.jsonl`, by URI."""
    for entry in sorted(entries, key=lambda one: one.uri):
        digest, log = judged.digests.get(entry.uri), judged.logs.get(entry.uri)
        if digest is not None:
            yield entry.line(digest.verdict, digest.reason, None)
        elif log is not None:
            yield entry.line(log.verdict, log.reason, log.digest)
        else:
            yield entry.line(None, "not in the time asked, or outside of CloudTrail's folders", None)


def key_documents(answers: Iterable[tuple[str, Span, Any]]) -> dict[str, dict[str, Any]]:
    """Return what AWS answered, by region: each key once, and the times that were asked for."""
    documents: defaultdict[str, dict[str, Any]] = defaultdict(lambda: {"AskedFor": [], "PublicKeyList": []})
    for region, (start, end), answer in answers:
        document = documents[region]
        document["AskedFor"].append({"StartTime": rfc3339(start), "EndTime": rfc3339(end)})
        listed = document["PublicKeyList"]
        listed += [key for key in answer["PublicKeyList"] if key not in listed]
    return documents


def answer_lines(pages: Iterable[AnsweredPage]) -> dict[str, list[bytes]]:
    """Return what AWS answered about keys as it came, by region: the request, AWS's time, the words."""
    lines: defaultdict[str, list[bytes]] = defaultdict(list)
    for page in pages:
        lines[page.region].append(json_line(asdict(page)))
    return lines


def coverage_lines(verdicts: Sequence[LocationVerdict], asked: Asked) -> Iterator[bytes]:
    """Yield `coverage.csv`: by account, region and hour of delivery, what the lake's digests say.

    Without an end that was asked for, it ends with the last hour of which the lake knows anything: it says the same of
    the same lake.
    """
    yield b"account,region,hour,state\n"
    known = [end for one in verdicts for _, end in one.covered]
    known += [log.delivered for one in verdicts for log in one.logs if log.delivered]
    known += [digest.place.end for one in verdicts for digest in one.digests]
    if asked.until >= asked.now and known:
        asked = Asked(asked.since, min(max(known), asked.now), asked.now)
    for (account, region), hours in sorted(hours_of(verdicts, asked).items()):
        for start, state in sorted(hours.items()):
            yield f"{account},{region},{rfc3339(start)},{state}\n".encode()


def pretty(document: dict[str, Any]) -> bytes:
    """Return a document for people to read."""
    return (json.dumps(document, indent=2) + "\n").encode()


def hashes_of(files: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of files, in hex, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@dataclass(slots=True)
class Custody:
    """The steps in which objects came into a bag."""

    who: str
    lines: list[bytes] = field(default_factory=list)

    def note(self, what: str, **more: object) -> None:
        """Add a step that is done now."""
        self.lines.append(json_line({"when": rfc3339(now()), "who": self.who, "what": what, **more}))


def machine() -> dict[str, Any]:
    """Return where this runs, and as whom; the clock is that of the machine."""
    return {
        "user": _user(),
        "host": printable(platform.node()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "detector": __version__,
    }


def _user() -> str:
    try:
        return printable(getpass.getuser())
    except (OSError, KeyError):
        return "unknown"
