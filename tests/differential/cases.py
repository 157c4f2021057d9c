"""Cases: log files about a few accounts, made of the rules' own examples, and everything that may happen to such files.

The examples lie close to the bounds where it matters what is known. A case throws some of them together, in accounts,
with keys and addresses of its own, so that many cases share a round without a word to each other.
"""

from __future__ import annotations

import gzip
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from random import Random
from typing import Any

from detector.rules.examples import load_examples
from detector.rules.rule import load_rules, shipped_rules_directory

STEPS = 2  # at which files arrive

_YEARS = ("0001", "0999", "1969", "2262", "9999")  # where clocks and types of columns end

Record = dict[str, Any]


class Oddity(StrEnum):
    """What makes a case harder than ordinary logs."""

    COLLISIONS = "collisions"  # records that share an eventID and differ
    EDITIONS = "editions"  # records that say that they are a later edition of another one, rightly or wrongly
    QUOTED = "quoted"  # parameters and answers as text in a string
    TIMES = "times"
    STRINGS = "strings"
    REPLACED = "replaced"  # files that arrive again with other content


ALL_ODDITIES = frozenset(Oddity)


class Form(StrEnum):
    """How a file holds its records."""

    RECORDS = "records"
    ARRAY = "array"
    NDJSON = "ndjson"
    GZIP = "gzip"
    MEMBERS = "members"  # gzip, cut anywhere into several members


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file as it lies in the folder from one step on."""

    name: str
    step: int
    form: Form
    records: tuple[Record, ...]

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        match self.form:
            case Form.ARRAY:
                return _bytes(self.records)
            case Form.NDJSON:
                return b"".join(_bytes(record) + b"\n" for record in self.records)
            case Form.RECORDS:
                return _bytes({"Records": self.records})
            case Form.GZIP:
                return gzip.compress(_bytes({"Records": self.records}), 1, mtime=0)
            case Form.MEMBERS:
                whole = _bytes({"Records": self.records})
                cut = len(whole) // 3
                return b"".join(gzip.compress(one, 1, mtime=0) for one in (whole[:cut], whole[cut:]))


@dataclass(frozen=True, slots=True)
class Case:
    """Log files of one case; its accounts begin with its number."""

    number: int
    files: tuple[LogFile, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `case_of` reads."""
        files = [{"name": one.name, "step": one.step, "form": one.form, "records": one.records} for one in self.files]
        return {"number": self.number, "files": files}


def case_of(saved: Mapping[str, Any]) -> Case:
    """Return a case that was written down."""
    files = (LogFile(one["name"], one["step"], Form(one["form"]), tuple(one["records"])) for one in saved["files"])
    return Case(saved["number"], tuple(files))


def number_of_account(account: str | None) -> int | None:
    """Return the case that an account belongs to, None for accounts of none."""
    found = re.fullmatch(r"4(\d{6})\d{5}", account or "")
    return int(found[1]) if found else None


def make_case(number: int, random: Random, oddities: frozenset[Oddity]) -> Case:
    """Return a case that is the same for the same random numbers."""
    names = _OwnNames(number)
    chosen = [random.choice(random.choice(_examples())) for _ in range(random.randint(2, 4))]
    records: list[Record] = []
    for example_number, example in enumerate(chosen):
        later = timedelta(minutes=random.choice([0, 0, 1, 10, 45, 60 * 24, 60 * 24 * 30]))
        year = random.choice(_YEARS) if Oddity.TIMES in oddities and random.random() < 0.2 else None
        records += [_moved(record, later, year) for record in names.given_to(example, example_number)]
    return Case(number, tuple(_files(number, list(_made_odd(records, random, oddities)), random, oddities)))


@cache
def _examples() -> list[list[tuple[Record, ...]]]:
    """The records of each rule's examples, those with times of the usual form: others are an oddity of their own."""
    found = []
    for rule in load_rules(shipped_rules_directory()).rules:
        examples = [example.records for example in load_examples(rule) if all(map(_has_usual_time, example.records))]
        found.append(examples)
    return found


def _has_usual_time(record: Record) -> bool:
    return isinstance(time := record.get("eventTime"), str) and bool(re.fullmatch(r"20\d\d-[-\dT:]{14}Z", time))


class _OwnNames:
    """Gives a case accounts, keys and addresses that no other case has."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._accounts: dict[str, str] = {}

    def given_to(self, example: Sequence[Record], example_number: int) -> list[Record]:
        text = json.dumps(example)
        text = re.sub(r"(?<!\d)\d{12}(?!\d)", lambda found: self._account(found[0]), text)
        mark = f"{self._number}N{example_number}"
        text = re.sub(r'"((?:AKIA|ASIA)\w*)"', rf'"\g<1>{mark}"', text)
        text = re.sub(r'"(?:198\.51\.100|203\.0\.113|192\.0\.2)\.(\d+)"', rf'"2001:db8:{self._number:x}::\1"', text)
        made: list[Record] = json.loads(text)
        for place, record in enumerate(made):
            key = f"{mark}/{record.get('eventID', place)}"
            record["eventID"] = str(uuid.uuid5(uuid.NAMESPACE_URL, key))
        return made

    def _account(self, name: str) -> str:
        return self._accounts.setdefault(name, f"4{self._number:06}{len(self._accounts):05}")


def _moved(record: Record, later: timedelta, year: str | None) -> Record:
    moment = datetime.fromisoformat(record["eventTime"]) + later
    time = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return record | {"eventTime": time if year is None else year + time[4:]}


# Oddities -------------------------------------------------------------------------------------------------------------

_TEXTS = (
    "\ud800",
    "\u202e",
    "a\x00b",
    "</script>",
    "' OR 1=1 --",
    "é",
    "😀",
    "{{x}}",
    "%s",
    "x" * 300,
    "root",
    "",
    " ",
)


def _made_odd(records: Iterable[Record], random: Random, oddities: frozenset[Oddity]) -> Iterator[Record]:
    pool = [str(uuid.UUID(int=random.getrandbits(128))) for _ in range(2)]
    for record in records:
        made = record
        if random.random() < 0.2:
            made = made | {random.choice(["extra", "EVENTTIME", "logFile", "eventKey"]): random.choice(_TEXTS[1:])}
        if Oddity.TIMES in oddities and random.random() < 0.1:
            made = made | {"eventTime": _odd_time(made["eventTime"], random)}
        if Oddity.STRINGS in oddities and random.random() < 0.1:
            made = _with_odd_text(made, random)
        if Oddity.QUOTED in oddities and random.random() < 0.1:
            documents = ("requestParameters", "responseElements", "additionalEventData")
            made = made | {name: json.dumps(made[name]) for name in documents if isinstance(made.get(name), dict)}
        if Oddity.COLLISIONS in oddities and random.random() < 0.3:
            made = made | {"eventID": random.choice(pool)}
        yield made
        if random.random() < 0.1:
            yield dict(reversed(made.items()))  # the same in another order of fields
        if Oddity.COLLISIONS in oddities and random.random() < 0.1:
            yield made | {"sourceIPAddress": "2001:db8:ffff::1", "userAgent": random.choice(_TEXTS)}
        if Oddity.EDITIONS in oddities and random.random() < 0.2:
            yield from _later_editions(made, random)


def _later_editions(record: Record, random: Random) -> Iterator[Record]:
    """Yield the record once or twice more, with an address of its own or with what makes it another deed."""
    for _ in range(random.choice([1, 1, 2])):
        changes: Record = random.choice(
            [
                {"sourceIPAddress": f"2001:db8:ffff::{random.randrange(9)}"},
                {"sourceIPAddress": f"2001:db8:ffff::{random.randrange(9)}"},
                {"additionalEventData": {"MFAUsed": random.choice(["Yes", "No"])}},
                {"errorMessage": "Failed authentication"},
                {"eventName": random.choice(["ConsoleLogin", "StartLogging"])},
            ]
        )
        addendum = {"reason": "UPDATED_DATA", "originalEventID": record["eventID"]}
        event_id = str(uuid.UUID(int=random.getrandbits(128)))
        yield record | changes | {"eventID": event_id, "addendum": addendum}


def _odd_time(time: str, random: Random) -> str:
    match random.randrange(3):
        case 0:
            return random.choice(_YEARS) + time[4:]
        case 1:
            return time[:-1] + random.choice([".5Z", ".123456789Z", ",25Z"])
        case _:
            return time[:-1] + random.choice(["+02:00", "-0930", " UTC", "+99:00", ""])


def _with_odd_text(record: Record, random: Random) -> Record:
    text = random.choice(_TEXTS)
    field = random.choice(["userAgent", "sourceIPAddress", "errorCode", "userName", "requestParameters", "awsRegion"])
    if field == "userName":
        return record | {"userIdentity": _object(record.get("userIdentity")) | {field: text}}
    if field == "requestParameters":
        return record | {field: _object(record.get(field)) | {"userName": text}}
    return record | {field: text}


def _object(value: object) -> Record:
    return value if isinstance(value, dict) else {}


# Files ----------------------------------------------------------------------------------------------------------------


def _files(number: int, records: list[Record], random: Random, oddities: frozenset[Oddity]) -> Iterator[LogFile]:
    """Yield files of the records: each record once or, as several trails deliver it, twice."""
    pieces: list[list[Record]] = [[] for _ in range(random.randint(1, 5))]
    for record in records:
        for piece in random.sample(pieces, min(len(pieces), random.choice([1, 1, 1, 2]))):
            piece.append(record)
    for place, piece in enumerate(pieces):
        random.shuffle(piece)
        step = random.randrange(STEPS)
        folder = "twice" if random.random() < 0.2 else "once"
        log_file = LogFile(f"{folder}/{number}-{place}.json", step, random.choice(list(Form)), tuple(piece))
        if not piece:
            continue
        yield log_file
        if Oddity.REPLACED in oddities and step + 1 < STEPS and random.random() < 0.15:
            kept = tuple(random.sample(piece, random.randint(1, len(piece))))
            yield replace(log_file, step=step + 1, records=kept)


def _bytes(value: object) -> bytes:
    return json.dumps(value).encode()
