from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from detector.errors import SourceError, UsageError
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.local import LocalSource
from detector.sources.log_source import LogObject
from detector.sources.opening import open_source
from detector.sources.s3 import S3Source
from detector.sources.stream import StreamSource


def test_each_form_opens_its_source(tmp_path: Path) -> None:
    assert isinstance(open_source("-"), StreamSource)
    assert isinstance(open_source("s3://trail"), S3Source)
    assert isinstance(open_source("s3://Old_Bucket.2015/AWSLogs/", AwsOptions()), S3Source)
    assert open_source(str(tmp_path)) == LocalSource(tmp_path.resolve())


def test_a_file_uri_from_a_report_opens_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "a b%.json"
    path.write_bytes(b"{}")
    [item] = open_source(str(path)).list(Scope())
    assert isinstance(item, LogObject)
    assert list(open_source(item.uri).list(Scope())) == [item]


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("https://trail.s3.amazonaws.com/AWSLogs/", "s3://trail/AWSLogs/"),
        ("https://trail.s3.eu-west-1.amazonaws.com/AWSLogs/a%20b", "s3://trail/AWSLogs/a b"),
        ("https://s3.eu-west-1.amazonaws.com/trail/AWSLogs/", "s3://trail/AWSLogs/"),
        ("https://s3-eu-west-1.amazonaws.com/trail", "s3://trail"),
        ("https://my.trail.s3.cn-north-1.amazonaws.com.cn/x", "s3://my.trail/x"),
        ("https://eu-west-1.console.aws.amazon.com/s3/buckets/trail?region=eu-west-1&prefix=AWSLogs/", "s3://trail/AWSLogs/"),
        ("arn:aws:s3:::trail/AWSLogs/*", "s3://trail/AWSLogs/"),
        ("s3:/trail/x", "s3://trail/x"),
        ("s3:trail", "s3://trail"),
        ("S3://trail", "s3://trail"),
        ("s3a://trail/x", "s3://trail/x"),
        ("s3:", "s3://BUCKET/PREFIX"),
    ],
)  # fmt: skip
def test_a_bucket_written_in_another_way_is_answered_with_the_right_one(spec: str, meant: str) -> None:
    with pytest.raises(UsageError, match="is not a source") as caught:
        open_source(spec)
    assert caught.value.hint == f"did you mean {meant} ?"


@pytest.mark.parametrize(
    "spec", ["", "  ", "https://example.com/logs", "https://ec2.amazonaws.com/x", "https://console.aws.amazon.com/ec2", "gs://b"]
)  # fmt: skip
def test_what_is_no_source_is_answered_with_the_forms(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_source(spec)
    assert "s3://BUCKET/PREFIX" in caught.value.hint


@pytest.mark.parametrize("spec", ["s3://", "s3:///x", "s3://a/x", "s3://tr ail/x", "s3://-trail", "s3://trail?x/y"])
def test_a_name_that_cannot_be_a_bucket_is_refused_before_any_request(spec: str) -> None:
    with pytest.raises(UsageError, match="bucket") as caught:
        open_source(spec)
    assert "s3://BUCKET/PREFIX" in caught.value.hint


def test_an_access_point_by_arn_is_answered_with_its_alias() -> None:
    with pytest.raises(UsageError, match="access point") as caught:
        open_source("s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/logs/x")
    assert "alias" in caught.value.hint


def test_a_missing_path_is_a_source_error() -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_source("/nowhere/at/all")


def test_opening_a_bucket_imports_neither_boto3_nor_obstore() -> None:
    code = (
        "import sys; from detector.sources.opening import open_source; open_source('s3://trail'); "
        "sys.exit(bool({'boto3', 'botocore', 'obstore'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
