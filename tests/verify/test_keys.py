from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from detector.errors import UsageError
from detector.verify.keys import KeyRing, key_ring, load_answers
from tests.verify.vectors import Vector, digest_verdicts, judge

VECTOR = Vector("valid")


def answer() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTOR.folder / "keys" / "us-east-1.json").read_text())
    return loaded


def load_keys(path: Path) -> KeyRing:
    return key_ring(load_answers(path))


def verdicts_with(path: Path) -> set[str]:
    return set(digest_verdicts(judge(VECTOR.objects, load_keys(path), VECTOR.asked())).values())


def test_keys_come_from_a_folder_one_answer_or_answers_by_region(tmp_path: Path) -> None:
    by_region = tmp_path / "keys.json"
    by_region.write_text(json.dumps({"us-east-1": answer()}))

    for path in (VECTOR.folder / "keys", VECTOR.folder / "keys" / "us-east-1.json", by_region):
        assert verdicts_with(path) == {"verified"}


def test_the_command_lines_form_of_times_is_read(tmp_path: Path) -> None:
    written = answer()
    written["PublicKeyList"][0] |= {
        "ValidityStartTime": "2025-02-22T01:01:31+01:00",
        "ValidityEndTime": "2025-03-24T00:01:31",
    }
    (tmp_path / "us-east-1.json").write_text(json.dumps(written))

    assert verdicts_with(tmp_path) == {"verified"}


def test_a_key_with_its_algorithm_beside_it_is_read_too(tmp_path: Path) -> None:
    written = answer()
    entry = written["PublicKeyList"][0]
    public = load_der_public_key(base64.b64decode(entry["Value"]))
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    entry |= {"Value": base64.b64encode(der).decode(), "Fingerprint": hashlib.md5(der).hexdigest()}
    (tmp_path / "us-east-1.json").write_text(json.dumps(written))

    (key,) = load_keys(tmp_path).keys.values()

    assert key.fingerprint == entry["Fingerprint"]


def test_a_key_that_is_no_rsa_key_verifies_nothing(tmp_path: Path) -> None:
    written = answer()
    entry = written["PublicKeyList"][0]
    name, entry["Value"] = entry["Fingerprint"], base64.b64encode(b"no key").decode()
    entry["Fingerprint"] = hashlib.md5(b"no key").hexdigest()
    (tmp_path / "us-east-1.json").write_text(json.dumps(written))

    assert name != entry["Fingerprint"]
    assert verdicts_with(tmp_path) == {"unknown-key"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("us-east-1.json", "{"),
        ("us-east-1.json", "[]"),
        ("us-east-1.json", '{"PublicKeyList": 7}'),
        ("us-east-1.json", '{"PublicKeyList": [7]}'),
        ("us-east-1.json", '{"PublicKeyList": [{"Value": "?", "Fingerprint": "x"}]}'),
        ("us-east-1.json", '{"PublicKeyList": [{"Value": "", "Fingerprint": 7}]}'),
        ("keys.json", '{"PublicKeyList": []}'),
        ("keys.json", '{"somewhere": {"PublicKeyList": []}}'),
        ("keys.json", '{"us-east-1": []}'),
    ],
)
def test_a_file_without_keys_is_refused_with_a_hint(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(UsageError) as refused:
        load_keys(tmp_path / name)

    assert "ListPublicKeys" in refused.value.hint


def test_no_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.json"):
        with pytest.raises(UsageError, match=str(path)):
            load_keys(path)
