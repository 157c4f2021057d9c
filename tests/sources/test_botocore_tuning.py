"""What makes botocore faster changes nothing of what it says."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError

from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import open_session
from detector.sources.botocore_models import tune_models
from detector.sources.botocore_tuning import tune_parsers

_USUAL = (
    "<Key>AWSLogs%2Fa%20b</Key><LastModified>2026-03-01T00:00:00.000Z</LastModified>"
    "<ETag>&quot;abc&quot;</ETag><Size>7</Size><StorageClass>GLACIER</StorageClass>"
)


def parsed(session: botocore.session.Session, objects: list[str]) -> object:
    shape = session.get_service_model("s3").operation_model("ListObjectsV2").output_shape
    parser = session.get_component("response_parser_factory").create_parser("rest-xml")
    contents = "".join(f"<Contents>{one}</Contents>" for one in objects)
    body = (
        f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>{contents}</ListBucketResult>'
    )
    return parser.parse({"body": body.encode(), "headers": {}, "status_code": 200}, shape)


def tuned() -> botocore.session.Session:
    session = botocore.session.Session()
    tune_parsers(session)
    tune_models(session)
    return session


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [_USUAL],
        [_USUAL, _USUAL.replace("7", "8")],
        ["<Key></Key><Size>0</Size>"],
        ["<Key/>"],
        [""],
        [
            _USUAL
            + "<Owner><ID>1</ID><DisplayName>Size</DisplayName></Owner><ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
        ],
        [_USUAL + "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>"],
        [_USUAL + "<Unheard>of</Unheard>"],
        ["<Key>a<!-- b -->c</Key><LastModified>Sun, 01 Mar 2026 00:00:00 GMT</LastModified>"],
        ['<o:Key xmlns:o="urn:other">a</o:Key><Size> 12 </Size>', _USUAL],
    ],
)
def test_the_objects_of_a_listing_are_those_that_botocore_finds(objects: list[str]) -> None:
    assert parsed(tuned(), objects) == parsed(botocore.session.Session(), objects)


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        ("s3", "service-2"),
        ("s3", "paginators-1"),
        ("s3", "endpoint-rule-set-1"),
        ("cloudtrail", "service-2"),
        ("sqs", "service-2"),
        ("sts", "endpoint-rule-set-1"),
    ],
)
def test_a_model_is_the_one_that_botocore_loads(service: str, kind: str) -> None:
    models, plain = (one.get_component("data_loader") for one in (tuned(), botocore.session.Session()))
    assert models.load_service_model(service, kind) == plain.load_service_model(service, kind)


def test_a_service_without_a_model_is_unknown() -> None:
    with pytest.raises(UnknownServiceError, match="s4"):
        open_session(AwsOptions(region="us-east-1")).client("s4")  # type: ignore[call-overload]


def test_models_of_ones_own_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "own" / "2026-01-01"
    place.mkdir(parents=True)
    place.joinpath("service-2.json.gz").write_bytes(gzip.compress(json.dumps({"from": "here"}).encode()))
    # A lone surrogate is JSON to Python alone.
    place.joinpath("paginators-1.json").write_text('{"odd": "\\ud800"}')
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    loader = tuned().get_component("data_loader")
    assert loader.load_service_model("own", "service-2") == {"from": "here"}
    assert loader.load_service_model("own", "paginators-1") == {"odd": "\ud800"}
