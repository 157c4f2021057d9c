"""What watch keeps in memory gives the alerts of the whole lake, after every commit."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from detector.alerts.alert import Alert
from detector.detect.detect import Detection, run_rules
from detector.ingest.worker import Batch, stage
from detector.lake.part import Part
from detector.lake.reader import read_lake
from detector.lake.writer import LakeWriter, Staged, open_to_write
from detector.lake_layout import PartKind
from detector.rules.candidates import candidates
from detector.rules.engine import Engine
from detector.rules.events import Events
from detector.rules.examples import load_examples
from detector.rules.rule import Rule, load_rules, shipped_rules_directory
from detector.sources.log_source import LogObject, Unreadable
from detector.watch.candidate_cache import CandidateCache

TRAILS = Path(__file__).parents[2] / "fixtures/trails"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
Record = dict[str, Any]


@cache
def all_rules() -> tuple[Rule, ...]:
    return load_rules(shipped_rules_directory()).rules


def rules_about_trails() -> tuple[Rule, ...]:
    return tuple(rule for rule in all_rules() if rule.id.startswith(("trail_stopped", "trail_log_store")))


@dataclass(frozen=True)
class Reader:
    contents: Mapping[str, bytes]

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        for one in objects:
            yield one, self.contents[one.uri]


def put(writer: LakeWriter, uri: str, records: Sequence[Record]) -> list[Part]:
    """Commit one log file; return the parts that are new."""
    before = set(writer.ledger.parts(PartKind.EVENTS))
    content = json.dumps({"Records": records}).encode()
    log_object = LogObject(uri, len(content), "etag", None)
    staged = stage(Batch((log_object,), Reader({uri: content}), writer.staging, uuid.uuid4().hex))
    writer.commit(Staged(tuple(staged.objects), tuple(staged.parts)))
    return [part for part in writer.ledger.parts(PartKind.EVENTS) if part not in before]


@cache
def bundled() -> tuple[Record, ...]:
    paths = sorted(path for path in TRAILS.glob("[bc]*/AWSLogs/**/*.json.gz") if "Digest" not in str(path))
    return tuple(record for path in paths for record in json.loads(gzip.decompress(path.read_bytes()))["Records"])


def thrown_together(random: Random) -> list[Record]:
    """Records of the rules' own examples, which lie close to what makes a difference, moved in time."""
    examples = [example.records for rule in all_rules() for example in load_examples(rule)]
    records: list[Record] = []
    for number, example in enumerate(random.sample(examples, 40)):
        later = timedelta(minutes=random.choice([0, 1, 45, 60 * 24 * 30]))
        for record in example:
            try:
                moment = datetime.strptime(str(record.get("eventTime")), "%Y-%m-%dT%H:%M:%SZ") + later  # noqa: DTZ007
            except ValueError:
                continue
            key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{number}/{record.get('eventID', len(records))}"))
            records.append(record | {"eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "eventID": key})
    return records


def check(lake: Path, pieces: Sequence[Sequence[Record]], rules: Sequence[Rule]) -> None:
    with open_to_write(lake) as writer, closing(CandidateCache(lake)) as memory:
        for number, records in enumerate(pieces):
            memory.add(put(writer, f"s3://bucket/{number}.json", records))
        expected = alerts(read_lake(lake), rules)
        assert expected
        assert alerts(memory.events(), rules) == expected
        list(writer.compact(candidates(), jobs=1))
    assert remembered(lake, rules) == expected


def remembered(lake: Path, rules: Sequence[Rule]) -> list[Alert]:
    with closing(CandidateCache.of_lake(lake)) as memory:
        return alerts(memory.events(), rules)


def alerts(events: Events, rules: Sequence[Rule]) -> list[Alert]:
    detection = Detection()
    with Engine(events) as engine:
        run_rules(engine, rules, NOW, (), detection)
    assert not detection.errors
    return sorted(detection.alerts, key=lambda alert: alert.alert_id)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_whatever_pieces_come_in(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    pieces: list[list[Record]] = [[] for _ in range(3)]
    for record in [*bundled(), *thrown_together(random)]:
        for piece in random.sample(pieces, random.choice([1, 1, 1, 2])):  # delivered twice at times
            piece.append(record)
    check(tmp_path / "lake", pieces, all_rules())


def call(name: str, minute: int, source: str = "cloudtrail", **fields: object) -> Record:
    alice = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice", "accountId": "111122223333",
             "userName": "alice", "accessKeyId": "AKIAEXAMPLEALICE"}  # fmt: skip
    return {"eventVersion": "1.09", "eventTime": f"2025-03-04T10:{minute:02}:00Z", "eventName": name,
            "eventSource": f"{source}.amazonaws.com", "awsRegion": "us-east-1", "userIdentity": alice,
            "sourceIPAddress": "203.0.113.9", "readOnly": False, "recipientAccountId": "111122223333",
            "requestParameters": {"name": "main"}, "responseElements": None,
            "eventID": f"00000000-0000-4000-8000-0000000000{minute:02}"} | fields  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0)])
def test_what_a_caller_did_while_the_trail_was_stopped_is_found_whenever_it_arrives(
    tmp_path: Path, order: Sequence[int]
) -> None:
    pieces = [
        [call("StopLogging", 0)],
        [call("RunInstances", 10, "ec2"), call("RunInstances", 50, "ec2")],
        [call("StartLogging", 30)],
        [call("DescribeInstances", 11, "ec2", readOnly=True)],
    ]
    check(tmp_path / "lake", [pieces[number] for number in order], rules_about_trails())


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [False, True])
def test_deleted_log_files_are_found_before_and_after_the_bucket_is_known(tmp_path: Path, *, reverse: bool) -> None:
    service = {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
    bucket = {"bucketName": "trail-bucket"}
    checks = [call("GetBucketAcl", minute, "s3", userIdentity=service, requestParameters=bucket) for minute in (1, 2)]
    deletion = call("DeleteObject", 5, "s3", requestParameters=bucket | {"key": "AWSLogs/1/x.json.gz"})
    other = call("DeleteObject", 6, "s3", requestParameters=bucket | {"key": "holiday.jpg"})
    pieces = [[checks[0]], [checks[1], deletion, other], [call("GetBucketAcl", 3, "s3")]]
    check(tmp_path / "lake", pieces[::-1] if reverse else pieces, rules_about_trails())


def test_ordinary_events_are_not_kept(tmp_path: Path) -> None:
    with open_to_write(tmp_path / "lake") as writer, closing(CandidateCache(tmp_path / "lake")) as memory:
        assert not memory.add(put(writer, "s3://bucket/1.json", [call("RunInstances", 1, "ec2")]))
        assert memory.add(put(writer, "s3://bucket/2.json", [call("StopLogging", 2)]))
        assert memory.rows == 1


ROOT = {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"}
SUCCESS = {"requestParameters": None, "responseElements": {"ConsoleLogin": "Success"}}
OF_SIGN_INS = {"event_id_collision", "root_console_login_without_mfa", "trail_stopped_then_restarted"}


def sign_in(minute: int, **fields: object) -> Record:
    return call("ConsoleLogin", minute, "signin", **(SUCCESS | fields))


@pytest.mark.parametrize("reverse", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_sign_ins_that_are_not_kept_are_there_when_they_matter(tmp_path: Path, *, reverse: bool) -> None:
    ordinary = [sign_in(minute) for minute in (10, 11, 12, 13)]
    claim = {"addendum": {"reason": "UPDATED_DATA", "originalEventID": ordinary[2]["eventID"]}}
    others = [
        sign_in(10, userIdentity=ROOT),  # has the eventID of one
        sign_in(11, userAgent="another"),
        sign_in(20, userIdentity=ROOT) | claim,  # says that it is a later edition of one
        sign_in(13),  # is a copy of one
    ]
    # Whose caller signed in meanwhile.
    pieces = [[call("StopLogging", 5), call("StartLogging", 40), sign_in(30, userIdentity=ROOT)], ordinary, others]
    rules = [rule for rule in all_rules() if rule.id in OF_SIGN_INS]
    check(tmp_path / "lake", [pieces[0], *(pieces[:0:-1] if reverse else pieces[1:])], rules)


@pytest.mark.slow
def test_a_sign_in_matters_when_its_caller_turns_out_to_have_stopped_a_trail(tmp_path: Path) -> None:
    rules = [rule for rule in all_rules() if rule.id in OF_SIGN_INS]
    switches = [call("StopLogging", 5), call("StartLogging", 40)]
    check(tmp_path / "lake", [[sign_in(31, userIdentity=ROOT)], [sign_in(10)], switches], rules)


def test_sign_ins_of_users_are_kept_for_peoples_own_rules_and_else_one_of_a_bucket(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    with open_to_write(lake) as writer, closing(CandidateCache(lake)) as memory:
        sign_ins = [sign_in(minute) for minute in range(10, 20)]
        assert memory.add(put(writer, "s3://bucket/1.json", sign_ins[:5]))
        assert not memory.add(put(writer, "s3://bucket/2.json", sign_ins[5:]))
        assert memory.rows == 1
    for keeps_sign_ins, rows in ((False, 1), (True, 10)):
        with closing(CandidateCache.of_lake(lake, keeps_sign_ins=keeps_sign_ins)) as memory:
            assert memory.rows == rows
