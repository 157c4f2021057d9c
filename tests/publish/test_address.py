from __future__ import annotations

import sys
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.publish.address import parse_address
from tests.running import Run


@pytest.mark.parametrize(
    "text",
    [
        "glue:security.cloudtrail",
        "rest:https://catalog.example.org/api/security.cloudtrail",
        "rest:http://127.0.0.1:8181/security.cloudtrail",
        "sqlite:folder/catalog.db/security.cloudtrail",
    ],
)
def test_an_address_is_shown_as_it_was_written(text: str) -> None:
    address = parse_address(text)
    assert str(address) == text
    assert address.name == "security.cloudtrail"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hive:a.b", "names no catalogue"),
        ("security.cloudtrail", "names no catalogue"),
        ("glue:cloudtrail", r"does not end in NAMESPACE\.TABLE"),
        ("glue:Security.cloudtrail", r"does not end in NAMESPACE\.TABLE"),
        ("glue:a.b;drop", r"does not end in NAMESPACE\.TABLE"),
        ("glue:path/a.b", "is no address of a table"),
        ("sqlite:a.b", "is no address of a table"),
        ("rest:ftp://host/a.b", "not followed by the URI"),
        ("rest:https:///a.b", "not followed by the URI"),
        ("rest:https://[/a.b", "not followed by the URI"),
        ("rest:https://user:secret@host/a.b", "holds a password"),
        ("rest:http://catalog.example.org/a.b", "in the clear"),
    ],
)
def test_what_is_no_address_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        parse_address(text)
    assert raised.value.hint
    assert "secret@" not in str(raised.value)


def test_without_the_extra_the_remedy_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    result = run("publish", "--lake", tmp_path, "--table", f"sqlite:{tmp_path}/catalog.db/a.b")
    assert result.code == 2
    assert result.err == (
        "error: publishing needs pyiceberg, which is not installed\n"
        "hint: pip install 'cloudtrail-root-detector[iceberg]'\n"
    )


@pytest.mark.parametrize("table", ["glue:a.b", "rest:https://catalog.example.org/a.b"])
def test_other_machines_are_not_pointed_at_files_of_this_one(run: Run, tmp_path: Path, table: str) -> None:
    result = run("publish", "--lake", tmp_path, "--table", table)
    assert result.code == 2
    assert "--to s3://BUCKET/PREFIX" in result.err


@pytest.mark.parametrize("to", ["s3://", "https://bucket/x", "s3://bucket//x", "s3://bucket/a b"])
def test_a_place_that_is_no_folder_in_s3_is_refused(run: Run, tmp_path: Path, to: str) -> None:
    result = run("publish", "--lake", tmp_path, "--table", "glue:a.b", "--to", to)
    assert result.code == 2
    assert "is no folder in S3" in result.err
