"""Chains of digests of a quiet account: one an hour and region, signed with one key, and a copy of a bucket of them.

DATA/NAME/bucket/BUCKET/AWSLogs/ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/….json.gz    as CloudTrail writes them
DATA/NAME/objects.json      what S3 keeps beside the bytes
DATA/NAME/keys/REGION.json  what ListPublicKeys answers
DATA/NAME.json              what is in
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from benchmarks.generate import ACCOUNTS, DAYS, FIRST_DAY, LogFiles
from benchmarks.generate import REGIONS as LOG_REGIONS
from benchmarks.measure import BenchmarkError

VERSION: Final = 1  # one more whenever the same arguments give other digests
BUCKET: Final = "benchmark-trail"
# Those of an account that has enabled no others.
REGIONS: Final = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-central-1", "eu-north-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"),
    *("ap-southeast-1", "ap-southeast-2"),
)
START: Final = datetime(2025, 3, 1, 0, 1, 31)  # noqa: DTZ001 - UTC, written without a zone
HOURS_OF_A_YEAR: Final = 8_760
_HOUR: Final = timedelta(hours=1)
_TRAIL: Final = f"management-events_{REGIONS[0]}"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A log file that a digest is to list."""

    key: str
    delivered: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class Digests:
    """A folder of digests that were made."""

    path: Path
    count: int
    since: str
    until: str

    @property
    def bucket(self) -> Path:
        """The copy of the bucket."""
        return self.path / "bucket" / BUCKET

    @property
    def account(self) -> Path:
        """The folder of an account in it: whoever names that says nothing of `objects.json`."""
        return self.bucket / "AWSLogs" / ACCOUNTS[0]

    @property
    def keys(self) -> Path:
        """The answers of ListPublicKeys."""
        return self.path / "keys"


@dataclass(frozen=True, slots=True)
class SignedLogs:
    """A folder with log files and the digests that list them."""

    path: Path
    files: int
    events: int
    digests: int

    @property
    def bucket(self) -> Path:
        """The copy of the bucket."""
        return self.path / "bucket" / BUCKET

    @property
    def keys(self) -> Path:
        """The answers of ListPublicKeys."""
        return self.path / "keys"


@dataclass(frozen=True, slots=True)
class _Chain:
    """One chain to make, and with what."""

    target: Path
    account: str
    region: str
    start: datetime
    hours: int
    logs: tuple[ListedFile, ...]
    private_key: bytes


def quiet_account(data: Path, hours: int, regions: Sequence[str] = REGIONS, processes: int = 2) -> Digests:
    """Return digests of one account that list nothing; they are made when they are not there yet."""
    stamp = {"version": VERSION, "hours": hours, "regions": list(regions)}
    target, manifest = data / f"digests-{hours}-{len(regions)}", data / f"digests-{hours}-{len(regions)}.json"
    if not manifest.exists() or json.loads(manifest.read_text()) != stamp:
        manifest.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        write_chains(target, {(ACCOUNTS[0], region): () for region in regions}, START, hours, processes)
        manifest.write_text(json.dumps(stamp))
    return Digests(target, hours * len(regions), f"{_iso(START)}", f"{_iso(START + hours * _HOUR)}")


def sign(data: Path, logs: LogFiles) -> SignedLogs:
    """Return log files with digests of every hour of theirs; they are made when they are not there yet."""
    target, manifest = data / f"signed-{logs.path.name}", data / f"signed-{logs.path.name}.json"
    stamp = {"version": VERSION, "files": logs.files, "raw_bytes": logs.raw_bytes}
    by_place: dict[tuple[str, str], list[ListedFile]] = {
        (account, region): [] for account in ACCOUNTS for region in LOG_REGIONS
    }
    hours = (DAYS + 1) * 24
    if not manifest.exists() or json.loads(manifest.read_text()) != stamp:
        manifest.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        for path in sorted(logs.path.rglob("*.gz")):
            key = path.relative_to(logs.path).as_posix()
            copy = target / "bucket" / BUCKET / key
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.hardlink_to(path)
            sha256 = hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
            account, _, region, minute, _ = path.name.split("_")
            delivered = datetime.strptime(minute, "%Y%m%dT%H%MZ")  # noqa: DTZ007 - UTC, written without a zone
            by_place[account, region].append(ListedFile(key, delivered, sha256))
        write_chains(target, by_place, FIRST_DAY - timedelta(hours=23, minutes=58, seconds=29), hours, processes=2)
        manifest.write_text(json.dumps(stamp))
    return SignedLogs(target, logs.files, logs.events, hours * len(by_place))


def write_chains(
    target: Path,
    logs: Mapping[tuple[str, str], Sequence[ListedFile]],
    start: datetime,
    hours: int,
    processes: int = 1,
) -> None:
    """Write the chains of accounts and regions, the key, and what S3 keeps beside the bytes.

    Args:
        target: a folder, for all of it.
        logs: account and region → the log files that its digests list.
        start: of the first digest, UTC without a zone.
        hours: digests of each chain.
        processes: at most.
    """
    private_key, answer = _new_key(start)
    chains = [
        _Chain(target / "bucket" / BUCKET, account, region, start, hours, tuple(files), private_key)
        for (account, region), files in logs.items()
    ]
    (target / "keys").mkdir(parents=True)
    for region in {chain.region for chain in chains}:
        (target / "keys" / f"{region}.json").write_text(json.dumps(answer))
    objects: dict[str, Any] = {}
    if processes > 1 and hours * len(chains) > 1_000:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            for written in pool.map(_write_chain, chains):
                objects |= written
    else:
        for chain in chains:
            objects |= _write_chain(chain)
    (target / "objects.json").write_text(json.dumps(objects))


def _new_key(start: datetime) -> tuple[bytes, dict[str, Any]]:
    """Return a private key as DER, and what ListPublicKeys answers of it."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    listed = {
        "Value": base64.b64encode(public).decode(),
        "ValidityStartTime": _iso(start - timedelta(days=30)),
        "ValidityEndTime": _iso(start + timedelta(days=10_000)),
        "Fingerprint": hashlib.md5(public, usedforsecurity=False).hexdigest(),
    }
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), {"PublicKeyList": [listed]}


def _write_chain(chain: _Chain) -> dict[str, Any]:
    """Write one chain; return its part of `objects.json`."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

    private = load_der_private_key(chain.private_key, None)
    if not isinstance(private, RSAPrivateKey):
        raise BenchmarkError("the key is none of RSA")
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    fingerprint = hashlib.md5(public, usedforsecurity=False).hexdigest()
    objects: dict[str, Any] = {}
    previous: dict[str, Any] = dict.fromkeys(
        f"previousDigest{name}" for name in ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature")
    )
    for hour, listed in enumerate(_by_hour(chain)):
        start = chain.start + hour * _HOUR
        end = start + _HOUR
        key = _digest_key(chain, end)
        document = {
            "awsAccountId": chain.account,
            "digestStartTime": _iso(start),
            "digestEndTime": _iso(end),
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": fingerprint,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            **previous,
            "logFiles": [_listed(one) for one in listed],
        }
        content = json.dumps(document, separators=(",", ":")).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        before = previous["previousDigestSignature"] or "null"
        text = f"{_iso(end)}\n{BUCKET}/{key}\n{sha256}\n{before}"
        signature = private.sign(text.encode(), PKCS1v15(), SHA256()).hex()
        path = chain.target / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, mtime=0))
        objects[f"{BUCKET}/{key}"] = {
            "metadata": {"signature": signature, "signature-algorithm": "SHA256withRSA"},
            "last_modified": _iso(end + timedelta(minutes=7)),
        }
        previous = {
            "previousDigestS3Bucket": BUCKET,
            "previousDigestS3Object": key,
            "previousDigestHashValue": sha256,
            "previousDigestHashAlgorithm": "SHA-256",
            "previousDigestSignature": signature,
        }
    return objects


def _by_hour(chain: _Chain) -> Iterator[list[ListedFile]]:
    hours: list[list[ListedFile]] = [[] for _ in range(chain.hours)]
    for one in chain.logs:
        hours[(one.delivered - chain.start) // _HOUR].append(one)
    return iter(hours)


def _listed(one: ListedFile) -> dict[str, str]:
    return {
        "s3Bucket": BUCKET,
        "s3Object": one.key,
        "hashValue": one.sha256,
        "hashAlgorithm": "SHA-256",
        "newestEventTime": _iso(one.delivered),
        "oldestEventTime": _iso(one.delivered),
    }


def _digest_key(chain: _Chain, end: datetime) -> str:
    name = f"{chain.account}_CloudTrail-Digest_{chain.region}_{_TRAIL}_{end:%Y%m%dT%H%M%SZ}.json.gz"
    return f"AWSLogs/{chain.account}/CloudTrail-Digest/{chain.region}/{end:%Y/%m/%d}/{name}"


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
