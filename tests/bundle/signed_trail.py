"""The trail `compromised_root` with digests of its own: a chain for each account and region, an hour each."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from detector.verify.place import Location, location_of, named_minute
from tests.verify.aws_server import AwsServer
from tests.verify.test_chains import HOUR, Made, maker, objects_of

TRAIL = Path(__file__).parents[2] / "fixtures/trails/compromised_root"
SOURCE = "s3://example-trail-bucket"


def hold_signed_trail(aws: AwsServer) -> None:
    """Hold the trail, its digests, and the keys of its regions."""
    bucket = maker().Bucket()
    by_location: defaultdict[Location, list[Path]] = defaultdict(list)
    for path in sorted((TRAIL / "AWSLogs").rglob("*.gz")):
        location = location_of(str(path.relative_to(TRAIL)))
        assert location
        by_location[location].append(path)
    starts = [minute for paths in by_location.values() for path in paths if (minute := named_minute(path.name))]
    first, hours = min(starts).replace(minute=1), (max(starts) - min(starts)) // HOUR + 2
    aws.keys = {}
    for location, paths in by_location.items():
        key = maker().Key(f"{location.region}/1", location.region, first - timedelta(days=10))
        trail = maker().Trail(bucket, key, location.account, location.region)
        entries = [_delivered(bucket, path) for path in paths]
        for hour in range(hours):
            start = first + hour * HOUR
            trail.digest(start, start + HOUR, [entry for when, entry in entries if start <= when < start + HOUR])
        aws.keys[location.region] = [key.listed()]
    aws.objects = {one.uri.removeprefix("s3://"): one for one in objects_of(bucket)}


def _delivered(bucket: Made, path: Path) -> tuple[Made, dict[str, str]]:
    key, body = str(path.relative_to(TRAIL)), path.read_bytes()
    minute = named_minute(path.name)
    assert minute
    delivered = minute + timedelta(minutes=2)
    bucket.put(key, body, delivered)
    content = gzip.decompress(body)
    times = [record["eventTime"] for record in json.loads(content)["Records"]]
    entry = {"s3Bucket": bucket.name, "s3Object": key, "hashValue": hashlib.sha256(content).hexdigest(),
             "hashAlgorithm": "SHA-256", "newestEventTime": max(times), "oldestEventTime": min(times)}  # fmt: skip
    return delivered, entry
