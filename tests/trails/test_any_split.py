"""However the logs are cut into files and whenever these arrive, a final `detect` gives the same alerts."""

from __future__ import annotations

import gzip
import json
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.alerts.formats.json_line import json_line
from detector.alerts.formats.native import to_native
from detector.detect.detect import detect
from detector.ingest.worker import Batch, stage
from detector.lake.place import LakePlace, lake_at
from detector.lake.reader import read_lake
from detector.lake.writer import LakeWriter, Staged, open_to_write
from detector.sources.log_source import LogObject, Unreadable
from tests.places import Place, in_a_folder

TRAILS = Path(__file__).parents[2] / "fixtures/trails"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FEW = settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Reader:
    contents: Mapping[str, bytes]

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        for one in objects:
            yield one, self.contents[one.uri]


def put(writer: LakeWriter, files: Mapping[str, bytes]) -> None:
    objects = tuple(LogObject(uri, len(content), "etag", None) for uri, content in files.items())
    staged = stage(Batch(objects, Reader(files), writer.staging, uuid.uuid4().hex))
    assert not [one for one in staged.objects if one.status == "partial"]
    writer.commit(Staged(tuple(staged.objects), tuple(staged.parts)))


def alerts_of(lake: LakePlace) -> dict[str, dict[str, Any]]:
    """The alerts by id, without what depends on the names of files and on the clock."""
    alerts = [json.loads(json_line(to_native(alert))) for alert in detect(read_lake(lake), [], NOW).alerts]
    by_id = {alert["alert_id"]: alert for alert in alerts}
    assert len(by_id) == len(alerts)
    for alert in alerts:
        alert["evidence"] = sorted({location["event_id"] for location in alert["evidence"]})
    return by_id


def ingested(place: Place, batches: Sequence[Mapping[str, bytes]]) -> dict[str, dict[str, Any]]:
    name = uuid.uuid4().hex
    for batch in batches:
        with open_to_write(place(name)) as writer:
            put(writer, batch)
    return alerts_of(place(name))


@cache
def files() -> dict[str, bytes]:
    paths = sorted(TRAILS.glob("*/AWSLogs/**/*.json.gz"))
    return {f"s3://bucket/{path.relative_to(TRAILS)}": path.read_bytes() for path in paths if "Digest" not in str(path)}


@cache
def records() -> list[dict[str, Any]]:
    return [record for content in files().values() for record in json.loads(gzip.decompress(content))["Records"]]


@cache
def expected() -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        alerts = ingested(lambda name="lake": lake_at(Path(folder) / name), [files()])
    assert len({alert["rule_id"] for alert in alerts.values()}) > 5
    return alerts


@given(seed=st.integers(0, 1 << 32), count=st.integers(2, 5))
@FEW
@pytest.mark.slow
@in_a_folder
def test_files_in_any_order_and_any_batches_also_twice_under_other_names(place: Place, seed: int, count: int) -> None:
    random = Random(seed)
    batches: list[dict[str, bytes]] = [{} for _ in range(count)]
    for uri, content in files().items():
        random.choice(batches)[uri] = content
        if random.random() < 0.3:
            random.choice(batches)[uri.replace("s3://bucket/", random.choice(["s3://a/", "s3://z/"]))] = content
    shuffled = [dict(random.sample(list(batch.items()), len(batch))) for batch in batches]
    assert ingested(place, shuffled) == expected()


@given(seed=st.integers(0, 1 << 32), count=st.integers(1, 40))
@FEW
@pytest.mark.slow
def test_records_in_any_files_also_delivered_twice(place: Place, seed: int, count: int) -> None:
    random = Random(seed)
    contents: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    for record in records():
        random.choice(contents).append(record)
        if random.random() < 0.2:
            # A second delivery may order its fields otherwise.
            random.choice(contents).append(dict(reversed(record.items())))
    for content in contents:
        random.shuffle(content)
    batches = [
        {f"s3://bucket/{number:03}": json.dumps(random.choice([content, {"Records": content}])).encode()}
        for number, content in enumerate(contents)
        if content
    ]
    random.shuffle(batches)
    half = len(batches) // 2
    merged = [dict(item for batch in some for item in batch.items()) for some in (batches[:half], batches[half:])]
    assert without_field_order(ingested(place, merged)) == without_field_order(expected())


def without_field_order(alerts: dict[str, dict[str, Any]]) -> str:
    return json.dumps(alerts, sort_keys=True)


@pytest.mark.slow
@in_a_folder
def test_one_file_at_a_time_is_the_same_as_all_at_once(place: Place) -> None:
    tree = {uri: content for uri, content in files().items() if "/break_glass/" in uri}
    newest_first = sorted(tree.items(), key=lambda item: item[0].rpartition("_CloudTrail_")[2], reverse=True)
    alerts = ingested(place, [{uri: content} for uri, content in newest_first])
    assert alerts
    assert alerts == ingested(place, [tree])
