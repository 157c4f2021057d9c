"""What AWS's own tool calls INVALID is never called verified: on the vectors, and on chains changed at random."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.long import many
from tests.verify.vectors import CASES, VECTORS, Vector, digest_verdicts, judge, log_verdicts

AWS = Path(sys.executable).with_name("aws")
MUTATIONS = many(20, 200)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not AWS.exists(), reason="awscli is not installed")]
# Its own rules: it refuses a genuine copy, and what it says of a digest without metadata is that there is none.
_ITS_OWN = ("copied_bucket",)


def invalid(vector: Vector) -> set[str]:
    """What aws-cli calls INVALID: keys of digests and log files."""
    spec = importlib.util.spec_from_file_location("fake_aws", VECTORS / "fake_aws.py")
    assert spec
    assert spec.loader
    fake_aws: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fake_aws)
    expected = vector.expected
    server = fake_aws.serve(vector.folder)
    try:
        arguments = [
            "cloudtrail", "validate-logs", "--verbose", "--region", expected["region"], "--trail-arn",
            f"arn:aws:cloudtrail:{expected['home_region']}:111122223333:trail/{expected['trail']}",
            "--start-time", expected["scope"]["since"], "--end-time", expected["scope"]["until"],
        ]  # fmt: skip
        if "organisation" in expected:
            arguments += ["--account-id", expected["account"]]
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(vector.folder), "AWS_ACCESS_KEY_ID": "AKIATESTING",
            "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-tests", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}", "AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "*",
        }  # fmt: skip
        said = subprocess.run(
            [AWS, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        server.shutdown()
        server.server_close()
    found = re.findall(r"(?:Digest|Log) file\s+s3://[^/\s]+/(\S+)\s+INVALID", said.stdout + said.stderr)
    return set(found)


def verified(vector: Vector) -> set[str]:
    verdicts = judge(vector.objects, vector.keys, vector.asked())
    said = digest_verdicts(verdicts) | log_verdicts(verdicts)
    return {key for key, verdict in said.items() if verdict == "verified"}


@pytest.mark.parametrize("case", [case for case in CASES if case not in _ITS_OWN])
def test_what_aws_cli_refuses_in_a_vector_is_not_verified(case: str) -> None:
    vector = Vector(case)

    assert invalid(vector) & verified(vector) == set()


class Mutated(Vector):
    """A vector whose files are somewhere else."""

    @property
    def folder(self) -> Path:
        return Path(self.name)


@pytest.mark.parametrize("seed", range(MUTATIONS))
def test_what_aws_cli_refuses_in_a_changed_chain_is_not_verified(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "case"
    shutil.copytree(VECTORS / chance.choice(["valid", "two_keys", "backfill"]), folder)
    for _ in range(chance.randint(1, 2)):
        mutate(folder, chance)
    vector = Mutated(str(folder))

    assert invalid(vector) & verified(vector) == set()


def mutate(folder: Path, chance: random.Random) -> None:
    """Change one thing: a bit of an object, its metadata, a key; or delete, swap, replay."""
    about = json.loads((folder / "objects.json").read_text())
    places = sorted(about)
    place, other = chance.sample(places, 2)
    path, other_path = folder / "bucket" / place, folder / "bucket" / other
    match chance.choice(["bit", "bit", "bit", "metadata", "key", "delete", "swap", "replay"]):
        case "bit":
            body = bytearray(path.read_bytes())
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
            path.write_bytes(bytes(body))
        case "metadata":
            signature = about[place]["metadata"].get("signature", "00")
            at = chance.randrange(len(signature))
            flipped = "0" if signature[at] != "0" else "1"
            about[place]["metadata"]["signature"] = signature[:at] + flipped + signature[at + 1 :]
        case "key":
            [first, *_] = sorted((folder / "keys").glob("*.json"))
            listed = json.loads(first.read_text())
            listed["PublicKeyList"][0]["Fingerprint"] = "0" * 32
            first.write_text(json.dumps(listed))
        case "delete":
            path.unlink()
            del about[place]
        case "swap":
            mine, theirs = path.read_bytes(), other_path.read_bytes()
            path.write_bytes(theirs)
            other_path.write_bytes(mine)
            about[place]["metadata"], about[other]["metadata"] = about[other]["metadata"], about[place]["metadata"]
        case "replay":
            other_path.write_bytes(path.read_bytes())
            about[other]["metadata"] = about[place]["metadata"]
    (folder / "objects.json").write_text(json.dumps(about))
