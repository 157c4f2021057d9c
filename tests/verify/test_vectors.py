from __future__ import annotations

import gzip
import hashlib
import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.verify.digest import utc_text
from detector.verify.keys import KeyRing, key_ring
from detector.verify.log_files import FoundLog
from detector.verify.verdicts import Asked, GapKind, LocationVerdict
from tests.verify.vectors import (
    CASES,
    LONG_AFTER,
    StoredObject,
    Vector,
    digest_verdicts,
    found_log,
    judge,
    key_of,
    log_verdicts,
)


@pytest.mark.parametrize("case", CASES)
def test_each_vector_gets_its_verdicts(case: str) -> None:
    vector = Vector(case)

    verdicts = judge(vector.objects, vector.keys, vector.asked())

    assert digest_verdicts(verdicts) == vector.expected_digests()
    assert log_verdicts(verdicts) == vector.expected_logs()
    assert exit_code(verdicts) == vector.expected["exit_code"]
    if vector.expected["gaps"]:
        gaps = [
            (str(gap.kind), utc_text(gap.start), utc_text(gap.end), gap.log_files)
            for verdict in verdicts
            for gap in verdict.gaps
        ]
        assert gaps == vector.expected_gaps()


def exit_code(verdicts: list[LocationVerdict]) -> int:
    parts: list[Any] = [part for verdict in verdicts for part in (*verdict.digests, *verdict.logs, *verdict.gaps)]
    if any(getattr(part, "is_damage", False) for part in parts):
        return 5
    return 4 if any(part.is_unproven for part in parts) else 0


@given(st.sampled_from(CASES), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(case: str, order: random.Random) -> None:
    vector = Vector(case)
    shuffled = list(vector.objects)
    order.shuffle(shuffled)

    assert judge(shuffled, vector.keys, vector.asked()) == judge(vector.objects, vector.keys, vector.asked())


def test_a_copy_says_where_aws_put_it() -> None:
    vector = Vector("copied_bucket")

    (verdict,) = judge(vector.objects, vector.keys, vector.asked())

    assert verdict.copied_from == {f"s3://{vector.expected['signed_bucket']}/AWSLogs/"}


@pytest.mark.parametrize("case", CASES)
def test_without_keys_nothing_is_verified_and_nothing_is_called_forged(case: str) -> None:
    vector = Vector(case)

    for keys in (KeyRing(), KeyRing(refused={"us-east-1": "denied", "eu-west-1": "denied"})):
        verdicts = judge(vector.objects, keys, vector.asked())
        assert set(digest_verdicts(verdicts).values()) <= {"unchecked", "misplaced"}
        assert set(log_verdicts(verdicts).values()) == {"unattested"}


def test_a_key_that_is_not_what_its_name_says_proves_nothing() -> None:
    vector = Vector("valid")
    answer = json.loads((vector.folder / "keys" / "us-east-1.json").read_text())
    other = json.loads((vector.folder.parent / "other_region" / "keys" / "eu-west-1.json").read_text())
    answer["PublicKeyList"][0]["Value"] = other["PublicKeyList"][0]["Value"]

    (verdict,) = judge(vector.objects, key_ring({"us-east-1": answer}), vector.asked())

    assert {str(one.verdict) for one in verdict.digests} == {"unchecked"}
    assert "does not have this fingerprint" in verdict.digests[0].reason


def test_a_key_is_not_good_for_another_region() -> None:
    vector = Vector("other_region")
    answers = {path.stem: json.loads(path.read_text()) for path in (vector.folder / "keys").glob("*.json")}
    swapped = {"eu-west-1": answers["us-east-1"], "us-east-1": answers["eu-west-1"]}

    (verdict,) = judge(vector.objects, key_ring(swapped), vector.asked())

    assert {str(one.verdict) for one in verdict.digests} == {"unknown-key"}


@pytest.mark.parametrize(("hours_late", "expected"), [(1.9, "verified"), (2.1, "unknown-key")])
def test_a_validity_missed_by_less_than_two_hours_is_forgiven(hours_late: float, expected: str) -> None:
    vector = Vector("other_region")
    answer = json.loads((vector.folder / "keys" / "eu-west-1.json").read_text())
    last_end = max(one.place.end for one in judge(vector.objects, vector.keys, vector.asked())[0].digests)
    answer["PublicKeyList"][0]["ValidityEndTime"] = (last_end - timedelta(hours=hours_late)).timestamp()

    (verdict,) = judge(vector.objects, key_ring({"eu-west-1": answer}), vector.asked())

    assert verdict.digests[-1].verdict == expected


def test_an_hour_that_no_digest_is_due_for_is_pending() -> None:
    vector = Vector("missing_newest_digests")
    asked = vector.asked()
    newest = judge(vector.objects, vector.keys, asked)[0].covered[-1][1]
    soon = replace(asked, until=newest + timedelta(minutes=100), now=newest + timedelta(minutes=100))

    (verdict,) = judge(vector.objects, vector.keys, soon)

    assert [gap.kind for gap in verdict.gaps] == [GapKind.PENDING]
    assert {"pending"} == {str(log.verdict) for log in verdict.logs if log.digest is None}
    assert exit_code([verdict]) == 0


def test_what_ended_before_the_time_asked_is_not_called_missing() -> None:
    vector = Vector("valid")
    first, *rest = [one for one in vector.objects if one.is_digest]
    asked = vector.asked()
    since = asked.since
    assert since
    later = Asked(since + timedelta(hours=1), asked.until, LONG_AFTER)
    objects = [one for one in vector.objects if one != first]

    assert digest_verdicts(judge(objects, vector.keys, asked))[key_of(first.uri)] == "missing"
    assert exit_code(judge(objects, vector.keys, later)) == 0
    assert set(digest_verdicts(judge(objects, vector.keys, later))) == {key_of(one.uri) for one in rest}


def test_what_lies_in_a_folder_that_cannot_be_listed_is_not_called_missing() -> None:
    vector = Vector("valid")
    denied = "s3://example-trail-bucket/AWSLogs/111122223333/CloudTrail/us-east-1/"
    digests = [one for one in vector.objects if one.is_digest]

    (verdict,) = judge(digests, vector.keys, vector.asked(), unreadable=[denied])

    assert {str(log.verdict) for log in verdict.logs} == {"unreadable"}
    assert exit_code([verdict]) == 4


def test_a_denied_digest_is_unreadable_and_its_predecessor_still_proven() -> None:
    vector = Vector("downloaded")
    newest = [one for one in vector.objects if one.is_digest][-1]
    others = [one for one in vector.objects if one != newest]

    (verdict,) = judge(others, vector.keys, vector.asked(), unreadable=[newest.uri])

    assert [str(one.verdict) for one in verdict.digests] == ["verified-by-successor", "unsigned"]


def test_a_copy_of_an_injected_file_is_not_proven_to_be_one() -> None:
    vector = Vector("injected_log")
    copied = [replace(one, uri=one.uri.replace("example-trail-bucket", "copy")) for one in vector.objects]

    verdicts = log_verdicts(judge(copied, vector.keys, vector.asked()))

    assert [verdicts[key] for key in vector.expected["unlisted"]] == ["unattested"]


def test_a_local_copy_without_times_is_unattested_at_most() -> None:
    vector = Vector("injected_log")

    def without_time(stored: StoredObject) -> FoundLog:
        return replace(found_log(stored), delivered=None)

    verdicts = log_verdicts(judge(vector.objects, vector.keys, vector.asked(), log_of=without_time))

    assert [verdicts[key] for key in vector.expected["unlisted"]] == ["unattested"]


def test_a_file_of_a_trail_that_was_off_is_not_called_unlisted_because_another_trail_was_on() -> None:
    vector = Vector("two_trails")
    gone = [one for one in vector.objects if not ("security-copy" in one.uri and "T020131Z" in one.uri)]
    newest = next(one for one in gone if "security-copy" in one.uri and "T030131Z" in one.uri)
    # The second trail's later digest is a starting one now, as after StopLogging: nobody names the hour before.
    content = json.loads(gzip.decompress(newest.body))
    assert content["previousDigestS3Object"]

    verdicts = log_verdicts(judge([one for one in gone if one != newest], vector.keys, vector.asked()))

    assert "unlisted" in verdicts.values()  # nothing says that the second trail went on
    assert "unlisted" not in log_verdicts(judge(gone, vector.keys, vector.asked())).values()


def test_each_flipped_bit_of_a_digest_is_seen() -> None:
    vector = Vector("valid")
    (one, *others) = [stored for stored in vector.objects if stored.is_digest]
    before = hashlib.sha256(gzip.decompress(one.body)).digest()
    random_bits = random.Random(7).sample(range(80, len(one.body) * 8), 60)
    for bit in random_bits:
        body = bytearray(one.body)
        body[bit // 8] ^= 1 << bit % 8
        verdicts = digest_verdicts(judge([replace(one, body=bytes(body)), *others], vector.keys, vector.asked()))
        if verdicts[key_of(one.uri)] == "verified":
            assert hashlib.sha256(gzip.decompress(bytes(body))).digest() == before
