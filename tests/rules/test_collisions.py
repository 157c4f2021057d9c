"""Records that share an eventID and differ are events of their own, each with its own copies as evidence."""

from __future__ import annotations

import json
from itertools import permutations

import pyarrow as pa
import pytest

from detector.records.log_file import decode_log_file
from detector.rules.engine import Engine
from detector.rules.events import TableEvents

LOGIN = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"},
    "eventTime": "2025-03-04T09:00:00Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "sourceIPAddress": "198.51.100.7",
    "eventID": "11111111-2222-4333-8444-555555555555",
    "recipientAccountId": "111122223333",
}
DECOY = LOGIN | {"sourceIPAddress": "203.0.113.9"}


def rows(name: str, *records: object) -> pa.Table:
    return decode_log_file(json.dumps({"Records": records}).encode(), name).table


@pytest.mark.slow
def test_the_evidence_of_each_names_its_own_copies_whatever_the_order() -> None:
    tables = [rows("a", LOGIN, DECOY), rows("b", DECOY), rows("c", LOGIN)]
    seen = set()
    for order in permutations(tables):
        with Engine(TableEvents(pa.concat_tables(order)), threads=1) as engine:
            keys = engine.query("SELECT event_key FROM candidates").read_all().column(0).to_pylist()
            found = engine.evidence(keys)
        assert all(key.startswith(f"{LOGIN['eventID']}#") for key in keys)
        seen.add(
            tuple(
                (key, event.source_ip, tuple((copy.log_file, copy.index) for copy in event.copies))
                for key in sorted(found)
                for event in found[key]
            )
        )
    [events] = seen
    assert {event[1:] for event in events} == {
        ("198.51.100.7", (("a", 0), ("c", 0))),
        ("203.0.113.9", (("a", 1), ("b", 0))),
    }


def test_the_key_of_a_record_that_only_copies_share_is_its_event_id() -> None:
    with Engine(TableEvents(pa.concat_tables([rows("a", LOGIN), rows("b", LOGIN)])), threads=1) as engine:
        assert engine.query("SELECT event_key FROM candidates").read_all().to_pylist() == [
            {"event_key": LOGIN["eventID"]}
        ]
