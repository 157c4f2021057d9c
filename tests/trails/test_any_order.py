"""Whatever pieces a trail arrives in: what was written on the way is what one run writes, or is listed as withdrawn.

The trails are the bundled ones, and others made of the rules' own examples, moved in time and thrown together: those
lie close to the bounds where it matters what is known already.
"""

from __future__ import annotations

import gzip
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from detector.alerts.alert import Alert
from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.opening import Output
from detector.alerts.sinks.sink import ACCEPTED, Limits, Receipt
from detector.detect.detect import detect
from detector.detect.emission import write_new_alerts
from detector.detect.withdrawal import withdrawn_alerts
from detector.ingest.worker import Batch, stage
from detector.lake.ledger.outbox import Document
from detector.lake.reader import read_lake
from detector.lake.remembered import read_emitted
from detector.lake.writer import LakeWriter, Staged, open_to_write
from detector.rules.candidates import candidates
from detector.rules.examples import load_examples
from detector.rules.rule import RuleSet, load_rules, shipped_rules_directory
from detector.sources.log_source import LogObject, Unreadable
from tests.long import many
from tests.places import Place

TRAILS = Path(__file__).parents[2] / "fixtures/trails"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
# More with e.g. DETECTOR_TRAILS=200; a seed that failed is run alone with -k.
SEEDS = range(int(os.environ.get("DETECTOR_TRAILS", many(2, 3))))
Record = dict[str, Any]


@pytest.fixture(autouse=True)
def rules_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.detect.detect.load_rules", lambda *_, **__: rules())


@cache
def rules() -> RuleSet:
    return load_rules(shipped_rules_directory())


@cache
def monotone() -> frozenset[str]:
    return frozenset(rule.id for rule in rules().rules if rule.monotone)


@dataclass(frozen=True)
class Reader:
    contents: Mapping[str, bytes]

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        for one in objects:
            yield one, self.contents[one.uri]


@dataclass(eq=False)
class Sink:
    lines: list[bytes] = field(default_factory=list)
    name: str = "memory"
    limits: Limits = field(default_factory=lambda: Limits(100, 1_000_000))

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:  # noqa: ARG002
        self.lines += [document.line for document in documents]
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Stay."""


@dataclass(frozen=True)
class Outcome:
    emitted: dict[str, str]  # alert id → rule id
    found: dict[str, tuple[str, str, str]]  # of a plain detect at the end: alert id → rule id, severity, summary
    withdrawn: frozenset[str]


def outcome(place: Place, name: str, pieces: Sequence[Sequence[Record]]) -> Outcome:
    """Ingest the pieces one after the other, each followed by `detect --new`, then look at what there is.

    After every second one the lake is compacted, which must change nothing.
    """
    sink = Sink()
    alerts: list[Alert] = []
    for number, records in enumerate(pieces):
        with open_to_write(place(name)) as writer:
            put(writer, f"s3://bucket/{number}.json", records)
            if number % 2:
                assert list(writer.compact(candidates(), jobs=1))
            detection = detect(read_lake(writer.place, candidates().digest, fetches_all=False), [], NOW)
            assert detection.errors == []
            alerts = detection.alerts
            write_new_alerts(alerts, [Output(sink, AlertFormat.JSONL)], writer.ledger)
    emitted = [json.loads(line) for line in sink.lines]
    return Outcome(
        {alert["alert_id"]: alert["rule_id"] for alert in emitted},
        {alert.alert_id: (alert.rule_id, str(alert.severity), alert.summary) for alert in alerts},
        frozenset(alert.alert_id for alert in withdrawn_alerts(detection, read_emitted(place(name)))),
    )


def put(writer: LakeWriter, uri: str, records: Sequence[Record]) -> None:
    content = json.dumps({"Records": records}).encode()
    staged = stage(
        Batch((LogObject(uri, len(content), "etag", None),), Reader({uri: content}), writer.staging, uuid.uuid4().hex)
    )
    writer.commit(Staged(tuple(staged.objects), tuple(staged.parts)))


# Trails ---------------------------------------------------------------------------------------------------------------


@cache
def bundled() -> tuple[Record, ...]:
    paths = sorted(path for path in TRAILS.glob("*/AWSLogs/**/*.json.gz") if "Digest" not in str(path))
    return tuple(record for path in paths for record in json.loads(gzip.decompress(path.read_bytes()))["Records"])


@cache
def examples() -> dict[str, list[tuple[Record, ...]]]:
    """The records of each rule's examples."""
    return {
        rule.id: [example.records for example in load_examples(rule) if all(map(has_time, example.records))]
        for rule in rules().rules
    }


def has_time(record: Record) -> bool:
    return isinstance(record.get("eventTime"), str) and len(record["eventTime"]) == len("2026-03-01T09:00:00Z")


def thrown_together(random: Random) -> list[Record]:
    """The records of examples of a few rules, each moved by some minutes or days, with eventIDs of their own."""
    records: list[Record] = []
    chosen = [example for rule_id in random.sample(sorted(examples()), 4) for example in examples()[rule_id]]
    for number, example in enumerate(random.sample(chosen, min(20, len(chosen)))):
        later = timedelta(minutes=random.choice([0, 1, 10, 45, 60 * 24, 60 * 24 * 30, 60 * 24 * 100]))
        for record in with_keys_of_its_own(example, number):
            moment = datetime.fromisoformat(record["eventTime"]) + later
            key = f"{number}/{record.get('eventID', len(records))}"
            records.append(
                record
                | {"eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "eventID": str(uuid.uuid5(uuid.NAMESPACE_URL, key))}
            )
    return records


def with_keys_of_its_own(example: Sequence[Record], number: int) -> list[Record]:
    """The example with other keys in the place of those that it hands out: nobody has a key before it is handed out."""
    text = json.dumps(example)
    for record in example:
        key = ((record.get("responseElements") or {}).get("credentials") or {}).get("accessKeyId")
        if key:
            text = text.replace(f'"{key}"', f'"{key}{number}"')
    made: list[Record] = json.loads(text)
    return made


def in_time_order(random: Random, records: Sequence[Record], count: int) -> list[list[Record]]:
    """Pieces one after the other in time; what happened in one second stays together."""
    times = sorted({record["eventTime"] for record in records})
    cuts = sorted(random.sample(times, min(count - 1, len(times))))
    pieces: list[list[Record]] = [[] for _ in range(len(cuts) + 1)]
    for record in records:
        pieces[sum(record["eventTime"] >= cut for cut in cuts)].append(record)
    return [piece for piece in pieces if piece]


def in_any_order(random: Random, records: Sequence[Record], count: int) -> list[list[Record]]:
    pieces: list[list[Record]] = [[] for _ in range(count)]
    for record in records:
        random.choice(pieces).append(record)
    return [piece for piece in pieces if piece]


# What holds -----------------------------------------------------------------------------------------------------------


def check(place: Place, random: Random, records: Sequence[Record], count: int) -> None:
    whole = outcome(place, "whole", [records])
    assert whole.emitted.keys() == whole.found.keys()
    assert not whole.withdrawn

    ordered = outcome(place, "ordered", in_time_order(random, records, count))
    assert ordered.found == whole.found
    assert ordered.emitted == whole.emitted
    assert not ordered.withdrawn

    shuffled = outcome(place, "shuffled", in_any_order(random, records, count))
    assert shuffled.found == whole.found
    extra = shuffled.emitted.keys() - whole.emitted.keys()
    assert whole.emitted.keys() <= shuffled.emitted.keys()
    assert extra == shuffled.withdrawn
    assert not {shuffled.emitted[alert_id] for alert_id in extra} & monotone()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("place", "pieces"), [("folder", 4), ("s3", many(2, 4))], indirect=["place"])
def test_the_bundled_trails(place: Place, pieces: int) -> None:
    check(place, Random(1), bundled(), pieces)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "seed"),
    [*(("folder", seed) for seed in SEEDS), *(("s3", seed) for seed in SEEDS[1:])],
    indirect=["place"],
)
def test_trails_thrown_together(place: Place, seed: int) -> None:
    random = Random(seed)
    check(place, random, thrown_together(random), random.randint(2, 4))
