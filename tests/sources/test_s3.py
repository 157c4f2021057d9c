"""S3 sources against moto's server."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from detector.errors import CredentialsError, SourceError, UsageError
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.log_source import LeftOut, Listed, LogObject, Skipped, Unreadable
from detector.sources.opening import open_source

if TYPE_CHECKING:
    from detector.sources.log_source import LogSource

Bucket = Any  # the fixture's class lives in conftest.py, which cannot be imported

NAME = "111122223333_CloudTrail_us-east-1_20210729T2355Z_abcdefghijkl1234.json.gz"
US = "AWSLogs/111122223333/CloudTrail/us-east-1/2021/07/29/" + NAME
EU = US.replace("us-east-1", "eu-west-1")
OTHER = "AWSLogs/o-abcd123456/444455556666/CloudTrail/us-east-1/2021/07/30/x.json.gz"


def keys(found: list[Listed]) -> set[str]:
    return {item.uri.split("/", 3)[3] for item in found if isinstance(item, LogObject)}


def read_all(source: LogSource) -> dict[str, bytes | Unreadable]:
    items = [item for item in source.list(Scope()) if isinstance(item, LogObject)]
    reader = pickle.loads(pickle.dumps(source.reader()))
    return {item.uri.split("/", 3)[3]: content for item, content in reader.read(items)}


def test_a_trail_is_listed_with_sizes_etags_and_times_and_read_back(bucket: Bucket) -> None:
    bucket.put(US, body=b"\x1f\x8b stored")
    source = open_source(f"s3://{bucket.name}", bucket.options)
    [item] = source.list(Scope())
    assert isinstance(item, LogObject)
    assert (item.uri, item.size_bytes) == (f"s3://{bucket.name}/{US}", 9)
    assert len(item.etag) == 32
    assert item.last_modified is not None
    assert item.last_modified.tzinfo is UTC
    assert datetime.now(UTC) - item.last_modified < timedelta(minutes=1)
    assert list(source.reader().read([item])) == [(item, b"\x1f\x8b stored")]


def test_objects_stored_as_gzip_encoded_are_not_unpacked_on_the_way(bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=US, Body=b"\x1f\x8b not really", ContentEncoding="gzip")
    bucket.client.put_object(Bucket=bucket.name, Key="a//b", Body=b"\x1f\x8b not really", ContentEncoding="gzip")
    contents = read_all(open_source(f"s3://{bucket.name}", bucket.options))
    assert set(contents.values()) == {b"\x1f\x8b not really"}
    assert len(contents) == 2


def test_every_tree_of_a_bucket_is_found(bucket: Bucket) -> None:
    logs = {US, EU, OTHER, "o-abcd123456/" + OTHER, "export/2021/a.json", "a/b/c/d/e/f/g/deep.json", "top.json"}
    bucket.put(*logs)
    assert keys(list(open_source(f"s3://{bucket.name}", bucket.options).list(Scope()))) == logs


def test_siblings_are_skipped_and_other_services_left_out_unlisted(bucket: Bucket) -> None:
    digest = US.replace("/CloudTrail/", "/CloudTrail-Digest/")
    flow_logs = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2021/07/29/x.log.gz"
    bucket.put(US, digest, flow_logs, "AWSLogs/111122223333/CloudTrail/", "README.md")
    base = f"s3://{bucket.name}/"
    found = list(open_source(base, bucket.options).list(Scope()))
    assert keys(found) == {US}
    assert {item for item in found if not isinstance(item, LogObject)} == {
        Skipped(base + digest, "CloudTrail-Digest: a digest for log file validation"),
        Skipped(base + "AWSLogs/111122223333/CloudTrail/", "folder marker"),
        Skipped(base + "README.md", ".md file"),
        LeftOut(base + "AWSLogs/111122223333/vpcflowlogs/", "vpcflowlogs: logs of another service"),
    }


@pytest.mark.parametrize("prefix", ["logs", "logs/", "logs/AWSLogs/111122223333", "logs/AWSLogs"])
def test_a_prefix_names_a_folder_and_not_its_namesakes(bucket: Bucket, prefix: str) -> None:
    bucket.put("logs/" + US, "logs-old/" + EU, "logs/AWSLogs-old/x.md")
    assert keys(list(open_source(f"s3://{bucket.name}/{prefix}", bucket.options).list(Scope()))) == {"logs/" + US}


def test_a_prefix_that_is_no_folder_is_taken_as_it_stands(bucket: Bucket) -> None:
    bucket.put(US, EU, "other.json")
    source = open_source(f"s3://{bucket.name}/AWSLogs/11112222", bucket.options)
    assert keys(list(source.list(Scope()))) == {US, EU}


def test_one_named_object_is_a_log_object_whatever_its_name(bucket: Bucket) -> None:
    bucket.put("notes/README.md", "notes/README.md.bak")
    source = open_source(f"s3://{bucket.name}/notes/README.md", bucket.options)
    assert keys(list(source.list(Scope()))) == {"notes/README.md"}


def test_an_explicitly_named_folder_of_another_kind_is_read(bucket: Bucket) -> None:
    bucket.put("AWSLogs/111122223333/my-export/us-east-1/a.json")
    source = open_source(f"s3://{bucket.name}/AWSLogs/111122223333/my-export/", bucket.options)
    assert keys(list(source.list(Scope()))) == {"AWSLogs/111122223333/my-export/us-east-1/a.json"}


def test_a_prefix_outside_the_scope_is_left_out_whole(bucket: Bucket) -> None:
    bucket.put(US)
    source = open_source(f"s3://{bucket.name}/AWSLogs/111122223333/", bucket.options)
    [item] = source.list(Scope(accounts=frozenset({"444455556666"})))
    assert isinstance(item, LeftOut)
    assert item.reason == "account 111122223333 is not asked for"


def test_an_empty_prefix_lists_nothing(bucket: Bucket) -> None:
    assert list(open_source(f"s3://{bucket.name}/nothing/here", bucket.options).list(Scope())) == []


def test_keys_that_other_clients_trip_over_are_listed_and_read(bucket: Bucket) -> None:
    odd = ["a//b", "/lead", "x/../y", "x/./y", "s p+%2F=é ü", "ctl\x01", "back\\slash*?", "~#%[]", "한글/😀", "q?a=b&c"]
    for key in odd:
        bucket.put(key, body=key.encode())
    contents = read_all(open_source(f"s3://{bucket.name}", bucket.options))
    assert contents == {key: key.encode() for key in odd}


def test_the_endpoint_may_come_from_the_environment(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(US, body=b"here")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.options.endpoint_url)
    assert read_all(open_source(f"s3://{bucket.name}")) == {US: b"here"}


def test_a_bucket_that_does_not_exist_is_a_source_error(bucket: Bucket) -> None:
    with pytest.raises(SourceError, match="bucket trail-of-nobody does not exist"):
        list(open_source("s3://trail-of-nobody", bucket.options).list(Scope()))


def test_a_role_is_assumed_and_its_key_crosses_to_the_worker(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(US, body=b"here")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.options.endpoint_url)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    source = open_source(f"s3://{bucket.name}", AwsOptions(role_arn="arn:aws:iam::111122223333:role/reader"))
    assert read_all(source) == {US: b"here"}
    reader = source.reader()
    assert reader.key.access_key_id.startswith("ASIA")  # type: ignore[attr-defined]


def test_a_profile_is_used_in_the_parent_and_in_the_worker(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket.put(US, "a//b", body=b"here")
    text = "[profile audit]\nregion = eu-west-1\naws_access_key_id = AKIAAUDIT\naws_secret_access_key = audit-secret\n"
    (tmp_path / "aws-config").write_text(text)
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")  # --profile wins, in the worker too
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-another-key")
    source = open_source(f"s3://{bucket.name}", AwsOptions(profile="audit", endpoint_url=bucket.options.endpoint_url))
    assert read_all(source) == {US: b"here", "a//b": b"here"}
    assert source.reader().key.access_key_id == "AKIAAUDIT"  # type: ignore[attr-defined]
    assert source.reader().key.session_token is None  # type: ignore[attr-defined]


def test_the_key_is_never_shown(bucket: Bucket) -> None:
    reader = open_source(f"s3://{bucket.name}", bucket.options).reader()
    assert "secret" not in repr(reader)
    assert "AKIA" not in repr(reader)


def test_without_credentials_the_error_says_how_to_give_them(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    source = open_source(f"s3://{bucket.name}", bucket.options)
    for act in (lambda: list(source.list(Scope())), source.reader):
        with pytest.raises(CredentialsError, match="no AWS credentials") as caught:
            act()
        assert "--profile" in caught.value.hint


def test_an_unknown_profile_is_a_usage_error(bucket: Bucket) -> None:
    with pytest.raises(UsageError, match=r"profile \(nobody\) could not be found") as caught:
        list(open_source(f"s3://{bucket.name}", AwsOptions(profile="nobody")).list(Scope()))
    assert "list-profiles" in caught.value.hint


@pytest.mark.parametrize("options", [AwsOptions(endpoint_url="no url"), AwsOptions(region="no region")])
def test_an_impossible_region_or_endpoint_is_a_usage_error(options: AwsOptions) -> None:
    with pytest.raises(UsageError):
        list(open_source("s3://trail", options).list(Scope()))


def test_an_endpoint_that_nobody_answers_is_a_source_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    options = AwsOptions(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(SourceError, match="cannot reach S3") as caught:
        list(open_source("s3://trail", options).list(Scope()))
    assert "--endpoint-url" in caught.value.hint
