"""A bag is somebody else's: what was changed in it is noticed, and nothing that it says leads out of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.bundle.entry import Entry, Held, Kind
from detector.bundle.opened import Unfit, open_for_check
from detector.errors import SourceError
from tests.bundle.conftest import Case
from tests.bundle.test_bundle import lines, objects
from tests.running import LOGIN, Result, Run

Detector = Callable[..., Result]
TAGS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt")
PAPERS = (
    "README.txt", "statement.json", "custody.jsonl", "objects.jsonl", "alerts.jsonl", "records.jsonl", "coverage.csv",
    "public-keys/us-east-1.json",
)  # fmt: skip


@pytest.fixture
def check(run: Run, bag: Path) -> Callable[..., Result]:
    return lambda *more: run("bundle", "verify", bag, "--keys", "bundle", *more)


def first_object(bag: Path, kind: str) -> Path:
    sha256 = next(one["sha256"] for one in objects(bag, kind).values() if one["verdict"] == "verified")
    return bag / f"data/objects/{sha256[:2]}/{sha256}.gz"


def remake(bag: Path) -> None:
    """Make the manifests anew, as whoever changes a bag can."""

    def manifest(paths: list[Path]) -> str:
        rows = ((hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(bag)) for path in sorted(paths))
        return "".join(f"{sha256}  {path}\n" for sha256, path in rows)

    payload = [path for path in (bag / "data").rglob("*") if path.is_file()]
    (bag / "manifest-sha256.txt").write_text(manifest(payload))
    (bag / "tagmanifest-sha256.txt").write_text(manifest([bag / name for name in TAGS[:3]]))


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_bag_is_signed_and_intact(check: Callable[..., Result], bag: Path) -> None:
    result = check()

    assert (result.code, result.out) == (0, "")
    assert f"{hashlib.sha256((bag / TAGS[3]).read_bytes()).hexdigest()}  {TAGS[3]}" in result.err
    assert "keys as saved by whoever made the bag" in result.err
    assert "signed and intact" in result.err


def test_keys_are_asked_for_anew(detector: Detector, case: Case, bag: Path) -> None:
    case.server.key_requests.clear()

    detector("bundle", "verify", bag)

    assert {region for region, _ in case.server.key_requests} == {"us-east-1", "eu-west-1"}


def test_keys_that_cannot_be_had_prove_nothing(detector: Detector, case: Case, bag: Path) -> None:
    case.server.denied.append("eu-west-1")
    try:
        checked = detector("bundle", "verify", bag, "--keys", "live", code=4)
    finally:
        case.server.denied.remove("eu-west-1")

    assert "no keys: eu-west-1: access denied" in checked.err


def test_keys_of_somebody_else_sign_nothing(run: Run, bag: Path, tmp_path: Path) -> None:
    other = json.dumps({"PublicKeyList": []})
    (tmp_path / "us-east-1.json").write_text(other)

    assert run("bundle", "verify", bag, "--keys", tmp_path / "us-east-1.json").code == 5


@pytest.mark.slow
@pytest.mark.parametrize("path", [*TAGS, *(f"data/{name}" for name in PAPERS)])
def test_a_changed_byte_is_noticed_in_each_file(check: Callable[..., Result], bag: Path, path: str) -> None:
    content = bytearray((bag / path).read_bytes())
    content[len(content) // 2] ^= 1
    (bag / path).write_bytes(content)

    result = check("--format", "jsonl")

    assert "signed and intact" not in result.err
    named = {one["path"] for one in map(json.loads, result.out.splitlines()) if one["kind"] == "file"}
    assert result.code == 5
    # Of the manifest that vouches for the others nothing vouches but its hash: it says another thing of them.
    assert (path in named) or (path == TAGS[3] and named)


@pytest.mark.parametrize("kind", ["log_file", "digest"])
def test_a_changed_byte_is_noticed_in_an_object(check: Callable[..., Result], bag: Path, kind: str) -> None:
    path = first_object(bag, kind)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    result = check()

    assert result.code == 5
    assert f"damaged     {path.relative_to(bag)}  not what the manifest says" in result.out
    assert "damaged: the bag is not as it was made" in result.err
    assert "signed and intact" not in result.err


@pytest.mark.parametrize("path", [*TAGS[1:2], *TAGS[3:], *(f"data/{name}" for name in PAPERS)])
def test_a_removed_file_is_noticed(check: Callable[..., Result], bag: Path, path: str) -> None:
    (bag / path).unlink()

    result = check()

    assert result.code == 5
    assert f"damaged     {path}  missing" in result.out


@pytest.mark.parametrize("path", ["bagit.txt", "manifest-sha256.txt"])
def test_without_declaration_or_manifest_it_is_no_bag(check: Callable[..., Result], bag: Path, path: str) -> None:
    (bag / path).unlink()

    result = check()

    assert result.code == 2
    assert f"it has no {path}" in result.errors[0]


def test_what_is_no_folder_is_no_bag(run: Run, tmp_path: Path) -> None:
    result = run("bundle", "verify", tmp_path / "absent.bag", "--keys", "bundle")

    assert result.code == 2
    assert "is no bag" in result.errors[0]


@pytest.mark.parametrize("path", ["data/more.txt", "more.txt", "data/objects/ab/more.gz"])
def test_a_file_in_no_manifest_is_named(check: Callable[..., Result], bag: Path, path: str) -> None:
    (bag / path).parent.mkdir(exist_ok=True)
    (bag / path).write_text("more")

    result = check()

    assert result.code == 5
    assert f"damaged     {path}  in no manifest" in result.out


def test_a_log_file_that_was_replaced_with_its_manifests_is_not_what_aws_signed(
    check: Callable[..., Result], bag: Path
) -> None:
    path = first_object(bag, "log_file")
    stored = gzip.compress(json.dumps({"Records": [LOGIN]}).encode(), mtime=0)
    sha256 = hashlib.sha256(stored).hexdigest()
    path.unlink()
    (bag / f"data/objects/{sha256[:2]}").mkdir(exist_ok=True)
    (bag / f"data/objects/{sha256[:2]}/{sha256}.gz").write_bytes(stored)
    rewrite(bag / "data/objects.jsonl", path.stem, sha256)
    remake(bag)

    result = check()

    assert result.code == 5
    assert "altered     s3://" in result.out
    assert "damaged     data/objects.jsonl  s3://" in result.out  # it holds another content
    assert "damaged     data/records.jsonl  record 0 of s3://" in result.out


def test_a_record_that_is_in_no_log_file_is_noticed(check: Callable[..., Result], bag: Path) -> None:
    rewrite(bag / "data/records.jsonl", '"eventName":"', '"eventName":"Not')
    remake(bag)

    result = check()

    assert result.code == 5
    assert "is not as it stands in the log file" in result.out


def test_an_object_that_nothing_names_is_noticed(check: Callable[..., Result], bag: Path) -> None:
    rest = [json.dumps(one) for one in lines(bag / "data/objects.jsonl") if one["kind"] == "digest"]
    (bag / "data/objects.jsonl").write_text("\n".join(rest) + "\n")
    remake(bag)

    result = check()

    assert result.code == 5
    assert "data/objects.jsonl does not name it" in result.out
    assert "is in no object of the bag" in result.out


def test_an_object_under_another_name_is_noticed(check: Callable[..., Result], bag: Path) -> None:
    path = first_object(bag, "log_file")
    path.write_bytes(gzip.compress(b"{}", mtime=0))
    remake(bag)

    assert f"damaged     {path.relative_to(bag)}  its name is not its hash" in check().out


def test_an_object_that_is_named_and_not_there_is_noticed(check: Callable[..., Result], bag: Path) -> None:
    path = first_object(bag, "log_file")
    path.unlink()
    remake(bag)

    result = check()

    assert result.code == 5
    assert f"there is no object {path.stem}" in result.out


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "data"])
@pytest.mark.parametrize("path", ["data/README.txt", "data/objects", "data/more"])
def test_a_symbolic_link_is_refused(
    check: Callable[..., Result], bag: Path, tmp_path: Path, path: str, target: str
) -> None:
    (tmp_path / "outside").write_text("a secret of this machine")
    if (bag / path).exists():
        (bag / path).rename(tmp_path / "aside")
    (bag / path).symlink_to(target)

    result = check()

    assert result.code == 5
    assert f"damaged     {path}  a symbolic link" in result.out


def test_a_pipe_in_a_bag_is_not_waited_for(check: Callable[..., Result], bag: Path) -> None:
    (bag / "data/README.txt").unlink()
    os.mkfifo(bag / "data/README.txt")

    result = check()

    assert result.code == 5
    assert "data/README.txt  no regular file" in result.out


@pytest.mark.parametrize(
    "path", ["data/../../outside", "../outside", "/etc/passwd", "data/%0A", "data/./README.txt", "data//README.txt"]
)
def test_a_path_of_a_manifest_leads_nowhere(check: Callable[..., Result], bag: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").write_text("outside")
    sha256 = hashlib.sha256(b"outside").hexdigest()
    with (bag / "manifest-sha256.txt").open("a") as file:
        file.write(f"{sha256}  {path}\n")

    result = check()

    assert result.code == 5
    shown = path.replace("%0A", "\\n")
    assert f"damaged     {shown}  missing" in result.out or f"{shown} does not belong into it" in result.out


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("manifest-sha256.txt", b"no hash\n", "line 1 names no file"),
        ("manifest-sha256.txt", b"\xff\n", "can't decode"),
        ("manifest-sha256.txt", b"a" * 5000, "a line is longer than 4,096 bytes"),
        ("manifest-sha256.txt", b"%s  data/a\n%s  data/a\n" % (b"a" * 64, b"b" * 64), "once more, with another hash"),
        ("data/objects.jsonl", b"[]\n", "line 1: "),
        ("data/objects.jsonl", b"[" * 60_000 + b"\n", "line 1: "),
        ("data/objects.jsonl", b"a" * (1 << 17), "a line is longer than 65,536 bytes"),
        ("data/records.jsonl", b"{}\n", "line 1: "),
        ("data/records.jsonl", b'{"log_file":"s3://a/b","index":7}\n', "record 7 of s3://a/b is in no object"),
        ("data/statement.json", b"{}", "it does not say what was asked"),
        ("data/statement.json", b"[" * 100_000, "it does not say what was asked"),
        ("data/public-keys/us-east-1.json", b'{"AskedFor": [], "PublicKeyList": 7}', "no answer of ListPublicKeys"),
    ],
)
def test_what_is_not_of_its_kind_is_named(
    check: Callable[..., Result], bag: Path, path: str, content: bytes, message: str
) -> None:
    (bag / path).write_bytes(content)

    result = check()

    assert result.code == 5
    assert any(line.startswith(f"damaged     {path}  ") and message in line for line in result.out.splitlines())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"schema": "detector.bundle/1"', '"schema": "detector.bundle/9"', "its schema is not detector.bundle/1"),
        ('"asked_at": "2', '"asked_at": "9', "a time in it can be none"),
        ('"asked_at": "20', '"asked_at": "00', "a time in it can be none"),
    ],
)
def test_a_statement_that_makes_no_sense_proves_nothing(
    check: Callable[..., Result], bag: Path, old: str, new: str, message: str
) -> None:
    rewrite(bag / "data/statement.json", old, new)
    remake(bag)

    result = check()

    assert result.code == 5
    assert f"data/statement.json  {message}" in result.out
    assert "the bag does not say what was asked" in result.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"last_modified":"2025-03', '"last_modified":"0001-01-01T00:00:00+14:00","x":"'),
        ('"held":"kept"', '"held":"absent"'),
        ('"kind":"log_file"', '"kind":"else"'),
    ],
)
def test_a_description_that_makes_no_sense_is_named(
    check: Callable[..., Result], bag: Path, old: str, new: str
) -> None:
    rewrite(bag / "data/objects.jsonl", old, new)
    remake(bag)

    result = check()

    assert result.code == 5
    assert "damaged     data/objects.jsonl  line " in result.out


def test_an_object_that_is_described_twice_is_named(check: Callable[..., Result], bag: Path) -> None:
    text = (bag / "data/objects.jsonl").read_text()
    (bag / "data/objects.jsonl").write_text(text + text.splitlines(keepends=True)[0])
    remake(bag)

    assert "once more" in check().out


@pytest.mark.parametrize("end", ["00010101T000000Z", "99991231T235959Z"])
def test_a_digest_of_an_impossible_year_is_not_placed(check: Callable[..., Result], bag: Path, end: str) -> None:
    folder = "s3://b/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2025/03/04"
    uri = f"{folder}/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_{end}_backfill.json.gz"
    entry = Entry(uri, Kind.DIGEST, Held.UNREADABLE, reason="denied")
    with (bag / "data/objects.jsonl").open("ab") as file:
        file.write(entry.line(None, "", None))
    remake(bag)

    result = check()

    assert result.code == 4
    assert f"unplaced    {uri}" in result.out


def test_a_large_sparse_object_is_not_read(check: Callable[..., Result], bag: Path) -> None:
    path = first_object(bag, "log_file")
    os.truncate(path, 1 << 31)

    result = check()

    assert result.code == 5
    assert "larger than the cap" in result.out


def test_a_tree_that_is_too_deep_is_not_entered(check: Callable[..., Result], bag: Path) -> None:
    (bag / "data" / "/".join("a" * 20)).mkdir(parents=True)

    result = check()

    assert result.code == 5
    assert "a folder too deep for a bag" in result.out


def test_names_cannot_move_the_cursor(check: Callable[..., Result], bag: Path) -> None:
    (bag / "data/\x1b[2J\udcff").write_text("")

    result = check()

    assert "\x1b" not in result.out
    assert "data/\\x1b[2J\\udcff  in no manifest" in result.out


def test_a_bag_that_changes_while_it_is_read_is_not_followed_out(bag: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("a secret of this machine")
    opened = open_for_check(bag)
    (bag / "bag-info.txt").unlink()
    (bag / "bag-info.txt").symlink_to(tmp_path / "outside")
    (bag / "bagit.txt").unlink()
    os.mkfifo(bag / "bagit.txt")

    with pytest.raises(Unfit, match="cannot be read"):
        opened.read("bag-info.txt", 100)
    with pytest.raises(Unfit, match="not a file any more"):
        opened.read("bagit.txt", 100)
    with pytest.raises(Unfit, match="missing"):
        opened.read("../outside", 100)


def test_too_many_files_are_no_bag(bag: Path) -> None:
    with pytest.raises(SourceError, match="holds more than 3 files"):
        open_for_check(bag, most_files=3)


@pytest.mark.parametrize("last_modified", [None, "2031-01-01T00:00:00Z", "2025-03-04T00:00:01Z"])
@pytest.mark.parametrize("minute", ["20310101T0005", "20250305T0005"])
def test_a_log_file_that_was_put_into_a_bag_is_judged_whatever_it_says_of_its_time(
    check: Callable[..., Result], bag: Path, minute: str, last_modified: str | None
) -> None:
    stored = gzip.compress(json.dumps({"Records": [LOGIN]}).encode(), mtime=0)
    sha256 = hashlib.sha256(stored).hexdigest()
    (bag / f"data/objects/{sha256[:2]}").mkdir(exist_ok=True)
    (bag / f"data/objects/{sha256[:2]}/{sha256}.gz").write_bytes(stored)
    one = next(one for one in objects(bag, "log_file").values() if one["verdict"] == "verified")
    folder, _, name = one["uri"].rpartition("/")
    account, kind, region, _, _ = name.split("_")
    uri = f"{folder}/{account}_{kind}_{region}_{minute}Z_a.json.gz"
    content = hashlib.sha256(gzip.decompress(stored)).hexdigest()
    forged = one | {"uri": uri, "sha256": sha256, "content_sha256": content, "last_modified": last_modified}
    with (bag / "data/objects.jsonl").open("a") as file:
        file.write(json.dumps(forged | {"size_bytes": len(stored)}) + "\n")
    remake(bag)

    result = check()

    assert result.code >= 4
    assert f"  {uri}  " in result.out


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("bagit.txt", "BagIt-Version: 1.0", "BagIt-Version: 9.9", "it does not declare BagIt 1.0 in UTF-8"),
        ("bagit.txt", "UTF-8", "UTF-16", "it does not declare BagIt 1.0 in UTF-8"),
        ("bag-info.txt", "Payload-Oxum: ", "Payload-Oxum: 1", "its Payload-Oxum is not "),
        ("bag-info.txt", "Payload-Oxum", "Payload", "its Payload-Oxum is not "),
        ("data/custody.jsonl", '"sha256":"', '"sha256":"0', "it says nothing of 1 object that the bag holds"),
        ("data/custody.jsonl", "{", "[", "line 1: "),
        ("data/custody.jsonl", "{", " " * 70_000 + "{", "a line is longer than 65,536 bytes"),
        ("bag-info.txt", "Payload-Oxum", " " * 70_000 + "Payload-Oxum", "larger than the cap of 65,536 bytes"),
    ],
)
def test_a_bag_that_is_not_of_its_form_is_not_proven_though_its_manifests_hold(
    check: Callable[..., Result], bag: Path, path: str, old: str, new: str, message: str
) -> None:
    rewrite(bag / path, old, new)
    if path.startswith("data/"):
        count_anew(bag)
    remake(bag)

    result = check()

    assert result.code == 4
    (line,) = (line for line in result.out.splitlines() if line.startswith("unchecked"))
    assert line.startswith(f"unchecked   {path}  {message}")
    assert "signed and intact" not in result.err
    assert result.err.endswith("not proven: that the bag is as it was made: 1 finding about its files\n")


def count_anew(bag: Path) -> None:
    payload = [path for path in (bag / "data").rglob("*") if path.is_file()]
    text = (bag / "bag-info.txt").read_text().partition("Payload-Oxum: ")[0]
    oxum = f"{sum(path.stat().st_size for path in payload)}.{len(payload)}"
    (bag / "bag-info.txt").write_text(f"{text}Payload-Oxum: {oxum}\n")


@pytest.mark.parametrize("name", ["README.txt", "custody.jsonl", "coverage.csv"])
def test_a_paper_that_was_left_out_of_the_manifests_too_is_missed(
    check: Callable[..., Result], bag: Path, name: str
) -> None:
    (bag / "data" / name).unlink()
    count_anew(bag)
    remake(bag)

    result = check()

    assert (result.code, result.out) == (4, f"unchecked   data/{name}  there is none\n")


def test_what_was_not_checked_is_named(check: Callable[..., Result], bag: Path) -> None:
    with (bag / "data/custody.jsonl").open("a") as custody:
        custody.write('{"what": "not to be had", "uri": "s3://bucket/another"}\n')
    count_anew(bag)
    remake(bag)
    (bag / "tagmanifest-sha256.txt.tsr").write_text("no answer of anybody")

    result = check()

    assert result.code == 0
    assert "not checked: tagmanifest-sha256.txt.tsr; openssl ts -verify" in result.err
    assert "not checked, and the word of whoever made the bag: alerts.jsonl" in result.err
