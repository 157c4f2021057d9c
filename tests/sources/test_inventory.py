"""Inventories as a source, against moto's server: what a listing would name, and nothing that S3 did not write."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detector.errors import CredentialsError, SourceError, SourceUnavailable, UsageError
from detector.reasons import Reason
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.inventory_manifest import parse_manifest
from detector.sources.log_source import LeftOut, Limit, LogObject, Skipped, Unreadable
from detector.sources.opening import open_source
from tests.inventories import BEGUN, Inventory, rows_of

Bucket = Any  # the fixture's class lives in conftest.py, which cannot be imported
FakeS3 = Any
Handler = Any

PLACE = "AWSLogs/111122223333/CloudTrail/us-east-1"
LOG = f"{PLACE}/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T0000Z_abcdefghijkl1234.json.gz"
LATER = LOG.replace("2026/03/01", "2026/03/09").replace("20260301", "20260309")
EUROPE = LOG.replace("us-east-1", "eu-west-1")
OTHER = LOG.replace("111122223333", "444455556666")
DIGEST = LOG.replace("CloudTrail/", "CloudTrail-Digest/")
ODD = "own folder/1+1=2, 100%/ü\u2003.json"
KEYS = [LOG, LATER, EUROPE, OTHER, DIGEST, ODD, "AWSLogs/111122223333/elasticloadbalancing/us-east-1/x.log.gz"]
FORMATS = ["Parquet", "CSV", "ORC"]
EVERYTHING = Scope()
SCOPES = {
    "everything": EVERYTHING,
    "one account": Scope(accounts=frozenset({"111122223333"})),
    "one region": Scope(regions=frozenset({"eu-west-1"})),
    "some days": Scope(since=datetime(2026, 3, 5, tzinfo=UTC), until=datetime(2026, 3, 20, tzinfo=UTC)),
}


def put(bucket: Bucket, *inventories: dict[str, bytes]) -> str:
    """Put inventories beside the logs, and return the source that names the newest."""
    for objects in inventories:
        for key, body in objects.items():
            bucket.put(key, body=body)
    return f"inventory:s3://{bucket.name}/inv/"


def row(key: str = LOG, **more: object) -> dict[str, Any]:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    return {
        "key": key,
        "size": 9,
        "last_modified_date": moment,
        "e_tag": "5d41402a",
        "storage_class": "STANDARD",
    } | more


def listed(spec: str, bucket: Bucket, scope: Scope = EVERYTHING) -> list[Any]:
    return list(open_source(spec, bucket.options).list(scope))


@pytest.fixture
def trail(bucket: Bucket) -> Bucket:
    bucket.put(*KEYS, body=b"\x1f\x8b stored")
    return bucket


@pytest.mark.parametrize("form", FORMATS)
def test_an_inventory_names_the_log_files_that_a_listing_names(trail: Bucket, form: str) -> None:
    inventory = Inventory(form, source=trail.name).of(rows_of(trail.client, trail.name))
    spec = put(trail, inventory)

    bucket, source = (open_source(one, trail.options) for one in (f"s3://{trail.name}", spec))
    for name, scope in SCOPES.items():
        from_s3 = [one for one in bucket.list(scope) if "/inv/" not in one.uri]
        logs = sorted((one for one in from_s3 if isinstance(one, LogObject)), key=lambda one: one.uri)
        digests = {one.uri: one.digest for one in from_s3 if isinstance(one, Skipped) and one.digest}
        found = list(source.list(scope))
        assert sorted((one for one in found if isinstance(one, LogObject)), key=lambda one: one.uri) == logs, name
        assert {one.uri: one.digest for one in found if isinstance(one, Skipped) and one.digest} == digests, name
        assert logs, name


def test_what_it_names_is_read_from_the_bucket_that_it_lists(trail: Bucket) -> None:
    source = open_source(put(trail, Inventory(source=trail.name).of(rows_of(trail.client, trail.name))), trail.options)
    objects = [one for one in source.list(Scope()) if isinstance(one, LogObject)]

    assert {content for _, content in source.reader().read(objects)} == {b"\x1f\x8b stored"}


def test_of_a_folder_the_newest_inventory_that_is_written_to_its_end_is_taken(bucket: Bucket) -> None:
    old, new = Inventory(source=bucket.name, begun=BEGUN - timedelta(days=7)), Inventory(source=bucket.name)
    spec = put(bucket, old.of([row(OTHER)], "inv/"), new.of([row(LOG)]))
    bucket.put("inv/2026-11-29T01-00Z/part", "inv/hive/dt=2026-11-28-01-00/symlink.txt")

    assert [one.uri for one in listed(spec, bucket) if isinstance(one, LogObject)] == [f"s3://{bucket.name}/{LOG}"]
    for way in ("2026-11-28T01-00Z", "2026-11-28T01-00Z/manifest.json"):
        assert len([one for one in listed(f"{spec}{way}", bucket) if isinstance(one, LogObject)]) == 1


def test_it_says_how_old_it_is_and_how_to_get_the_rest(bucket: Bucket) -> None:
    begun = datetime.now(UTC) - timedelta(days=5)
    [said] = listed(put(bucket, Inventory(source=bucket.name, begun=begun).of([])), bucket)

    assert isinstance(said, LeftOut)
    assert "5 days old" in said.reason
    assert said.reason.endswith(f"name s3://{bucket.name}/ with --since {begun - timedelta(days=1):%Y-%m-%d} as well")


def test_what_was_asked_for_until_an_earlier_day_is_all_there(bucket: Bucket) -> None:
    spec = put(bucket, Inventory(source=bucket.name).of([row()]))
    assert [type(one) for one in listed(spec, bucket, Scope(until=BEGUN))] == [LogObject]


def test_older_versions_and_delete_markers_are_skipped_as_such(bucket: Bucket) -> None:
    versions = [
        row(version_id="3", is_latest=True, is_delete_marker=False),
        row(version_id="2", is_latest=False, is_delete_marker=False),
        row(LATER, version_id="9", is_latest=True, is_delete_marker=True, size=None, e_tag=None),
    ]
    for form in ("Parquet", "CSV"):
        spec = put(bucket, Inventory(form, source=bucket.name).with_versions.of(versions))
        _, *found = listed(spec, bucket)
        assert [getattr(one, "reason", None) for one in found] == [
            None,
            Reason.OLDER_VERSION.of(),
            Reason.DELETE_MARKER.of(),
        ], form


def test_a_manifest_without_its_checksum_is_taken_as_it_is(bucket: Bucket) -> None:
    objects = Inventory(source=bucket.name).of([row()])
    spec = put(bucket, {key: body for key, body in objects.items() if not key.endswith("checksum")})
    assert isinstance(listed(spec, bucket)[-1], LogObject)


def test_a_folder_that_is_left_out_is_named_once(bucket: Bucket) -> None:
    spec = put(bucket, Inventory(source=bucket.name).of([row(LOG + str(at)) for at in range(9)] + [row(LATER)]))
    left_out = [one for one in listed(spec, bucket, SCOPES["some days"]) if isinstance(one, LeftOut)]
    assert [(one.uri, one.limit) for one in left_out] == [(f"s3://{bucket.name}/{PLACE}/", Limit.WINDOW)]
    assert "from 2026-03-05 to 2026-03-21" in left_out[0].reason


@pytest.mark.parametrize(
    ("more", "archive"),
    [
        ({"storage_class": "GLACIER"}, "GLACIER"),
        ({"storage_class": "DEEP_ARCHIVE"}, "DEEP_ARCHIVE"),
        ({"storage_class": "INTELLIGENT_TIERING", "intelligent_tiering_access_tier": "ARCHIVE"}, "TIERING, ARCHIVE"),
        ({"storage_class": "INTELLIGENT_TIERING", "intelligent_tiering_access_tier": "FREQUENT"}, None),
        ({"storage_class": "GLACIER_IR"}, None),
    ],
)
def test_an_archived_object_fails_without_a_request(fake_s3: FakeS3, more: dict[str, str], archive: str | None) -> None:
    columns = (*Inventory().columns, "intelligent_tiering_access_tier")
    fake_s3.objects = Inventory(columns=columns).of([row(**more)]) | {LOG: b"{}"}
    source = open_source("inventory:s3://trail/inv", fake_s3.options)
    objects = [one for one in source.list(Scope()) if isinstance(one, LogObject)]
    [(_, content)] = source.reader().read(objects)

    if archive is None:
        assert content == b"{}"
    else:
        assert isinstance(content, Unreadable)
        assert f"{archive}): restore it first" in content.reason
        assert LOG not in fake_s3.asked("GET")


@pytest.mark.parametrize("lacking", ["size", "e_tag", "key", "bucket"])
def test_a_column_that_is_needed_and_not_there_is_named(bucket: Bucket, lacking: str) -> None:
    columns = tuple(name for name in Inventory().columns if name != lacking)
    for form in FORMATS:
        spec = put(bucket, Inventory(form, columns, source=bucket.name).of([row()]))
        with pytest.raises(UsageError, match=f"(?i)no column {lacking.replace('_', '')}"):
            listed(spec, bucket)


def test_versions_without_a_word_on_which_is_the_newest_are_refused(bucket: Bucket) -> None:
    spec = put(bucket, Inventory(columns=(*Inventory().columns, "version_id"), source=bucket.name).of([row()]))
    with pytest.raises(UsageError, match="no column IsLatest"):
        listed(spec, bucket)


def test_an_object_without_a_size_is_named(bucket: Bucket) -> None:
    _, found = listed(put(bucket, Inventory(source=bucket.name).of([row(size=None)])), bucket)
    assert found == Unreadable(f"s3://{bucket.name}/{LOG}", "listed without its size or its ETag")


def altered(objects: dict[str, bytes], ending: str, body: bytes) -> dict[str, bytes]:
    return objects | {key: body for key in objects if key.endswith(ending)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: altered(one, ".csv", b"x" * 7), "MD5|holds more"),
        (lambda one: altered(one, "manifest.checksum", b"0" * 32), "manifest.json is not as S3 wrote it"),
        (lambda one: {key: body for key, body in one.items() if "data" not in key}, "is not there"),
        (lambda one: {key: body for key, body in one.items() if "manifest" not in key}, "no inventory at"),
    ],
)
def test_what_is_not_as_s3_wrote_it_is_an_error(
    bucket: Bucket, change: Callable[[dict[str, bytes]], dict[str, bytes]], words: str
) -> None:
    spec = put(bucket, change(Inventory("CSV", source=bucket.name).of([row()])))
    with pytest.raises(SourceError, match=words) as caught:
        listed(spec, bucket)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row(bucket="another")], "names an object of 'another'"),
        ([row("x" * 1025)], "no key that S3 could have"),
        ([row("")], "no key that S3 could have"),
    ],
)
def test_rows_that_s3_would_not_write_are_an_error(bucket: Bucket, rows: list[dict[str, Any]], words: str) -> None:
    spec = put(bucket, Inventory(source=bucket.name).of(rows))
    with pytest.raises(SourceError, match=words):
        listed(spec, bucket)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_of_another_format_is_an_error(bucket: Bucket, form: str) -> None:
    other = Inventory("ORC" if form == "Parquet" else "Parquet", source=bucket.name).encoded([row()])
    inventory = Inventory(form, source=bucket.name)
    manifest = json.dumps(inventory.manifest("inv/data", other)).encode()
    with pytest.raises(SourceError, match=f"cannot be read as {form}"):
        listed(put(bucket, {"inv/2026-11-28T01-00Z/manifest.json": manifest, "inv/data": other}), bucket)


def test_a_long_key_that_many_rows_share_is_refused_before_it_is_written_out(bucket: Bucket) -> None:
    count = 20_000
    table = pa.table(
        {
            "bucket": [bucket.name] * count,
            "key": pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), ["A" * 1_000_000]),
            "size": [9] * count,
            "e_tag": ["5d"] * count,
        }
    )
    written = io.BytesIO()
    pq.write_table(table, written, compression="zstd")
    manifest = json.dumps(Inventory(source=bucket.name).manifest("inv/data", written.getvalue())).encode()
    spec = put(bucket, {"inv/2026-11-28T01-00Z/manifest.json": manifest, "inv/data": written.getvalue()})
    with pytest.raises(SourceError, match="a value of 1,000,000 bytes"):
        listed(spec, bucket)


def test_a_number_or_a_word_that_is_none_is_an_error(bucket: Bucket) -> None:
    inventory = Inventory("CSV", source=bucket.name).with_versions
    odd: list[dict[str, Any]] = [{"size": "many"}, {"last_modified_date": "lately"}, {"is_latest": "perhaps"}]
    for wrong in odd:
        with pytest.raises(SourceError, match="cannot be read as CSV"):
            listed(put(bucket, inventory.of([row(**wrong)])), bucket)


def test_an_inventory_of_nothing_names_nothing(bucket: Bucket) -> None:
    for form in FORMATS:
        assert [type(one) for one in listed(put(bucket, Inventory(form, source=bucket.name).of([])), bucket)] == [
            LeftOut
        ]


GOOD = Inventory().manifest("data", b"")
WRONG: list[dict[str, Any]] = [
    {"fileFormat": "Avro"},
    {"sourceBucket": "../x"},
    {"sourceBucket": 7},
    {"creationTimestamp": "soon"},
    {"creationTimestamp": "999999999999999"},
    {"fileFormat": "CSV", "fileSchema": None},
    {"files": {}},
    {"files": ["x"]},
    {"files": [{"key": "", "size": 1, "MD5checksum": "0" * 32}]},
    {"files": [{"key": "x", "size": -1, "MD5checksum": "0" * 32}]},
    {"files": [{"key": "x", "size": 1 << 60, "MD5checksum": "0" * 32}]},
    {"files": [{"key": "x", "size": True, "MD5checksum": "0" * 32}]},
    {"files": [{"key": "x", "size": 1, "MD5checksum": "0"}]},
    {"files": [{"key": "x", "size": 1}]},
    {"files": GOOD["files"] * 100_001},
]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        *(json.dumps(GOOD | wrong).encode() for wrong in WRONG),
        json.dumps({name: value for name, value in GOOD.items() if name != "sourceBucket"}).encode(),
    ],
)
def test_what_is_no_manifest_is_an_error(text: bytes) -> None:
    with pytest.raises(SourceError, match="is no manifest of an S3 Inventory"):
        parse_manifest(text, "s3://inventories/manifest.json")


def test_only_the_bucket_of_the_manifest_is_asked_for_its_files(fake_s3: FakeS3) -> None:
    fake_s3.objects = Inventory(source="elsewhere").of([row()])
    found = list(open_source("inventory:s3://trail/inv", fake_s3.options).list(Scope()))
    assert found[-1].uri == f"s3://elsewhere/{LOG}"
    assert fake_s3.asked("GET")[-1] == "inv/data/0f3c.parquet"


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("AccessDenied", 403, SourceError, "access denied: s3:GetObject"),
        ("ExpiredToken", 400, CredentialsError, "expired"),
        ("InternalError", 500, SourceUnavailable, "does not give"),
    ],
)
def test_a_refusal_is_told_in_words(
    fake_s3: FakeS3, code: str, status: int, kind: type[SourceError], words: str
) -> None:
    fake_s3.objects = Inventory().of([row()])
    fake_s3.fail("GET", "inv/data", status, code)
    with pytest.raises(kind, match=words):
        list(open_source("inventory:s3://trail/inv", fake_s3.options).list(Scope()))


def test_a_folder_that_cannot_be_listed_is_told_in_words(fake_s3: FakeS3) -> None:
    fake_s3.fail("LIST", "inv", 403, "AccessDenied")
    with pytest.raises(SourceError, match="access denied: s3:ListBucket") as caught:
        list(open_source("inventory:s3://trail/inv", fake_s3.options).list(Scope()))
    assert "s3:ListBucket" in caught.value.hint


def test_a_file_that_breaks_off_is_asked_for_once_more(fake_s3: FakeS3) -> None:
    fake_s3.objects = Inventory().of([row()])
    left = iter([True])

    def break_off(operation: str, name: str, handler: Handler) -> tuple[int, bytes] | None:
        if operation != "GET" or not name.startswith("inv/data") or not next(left, False):
            return None
        handler.reply(200, b"PAR1", promised=len(fake_s3.objects[name]))
        return 0, b""

    fake_s3.faults.append(break_off)
    assert isinstance(list(open_source("inventory:s3://trail/inv", fake_s3.options).list(Scope()))[-1], LogObject)


@pytest.mark.parametrize(
    "spec", ["inventory:", "inventory:/tmp/manifest.json", "inventory:s3://", "inventory:s3://a b/x"]
)
def test_what_names_no_place_in_s3_is_refused_before_any_request(spec: str) -> None:
    with pytest.raises(UsageError):
        open_source(spec, AwsOptions())


def test_an_inventory_closes_no_gap_but_its_own(fake_s3: FakeS3) -> None:
    source = open_source("inventory:s3://trail/inv", fake_s3.options)
    assert source.covers(source.root, Scope())
    assert not source.covers(f"s3://trail/{LOG}", Scope())
