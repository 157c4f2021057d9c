"""A bag is made of a lake: what is in it, and that others can check it without this program."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import bagit
import pytest

from detector.bundle.check import check
from tests.bundle.conftest import Case
from tests.running import LOGIN, Result, Run, write_log
from tests.verify.aws_server import AwsServer, version_of
from tests.verify.test_command import key, not_verified, scope_of
from tests.verify.vectors import THROUGH_COMMANDS, Vector

Detector = Callable[..., Result]
TOOLS = ("sha256sum", "gunzip", "jq", "base64", "xxd", "openssl")
needs_tools = pytest.mark.skipif(any(shutil.which(tool) is None for tool in TOOLS), reason=f"needs {', '.join(TOOLS)}")
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def objects(bag: Path, kind: str) -> dict[str, dict[str, Any]]:
    return {one["uri"]: one for one in lines(bag / "data/objects.jsonl") if one["kind"] == kind}


def manifest(bag: Path) -> dict[str, str]:
    listed = [line.split("  ") for line in (bag / "manifest-sha256.txt").read_text().splitlines()]
    return {path: sha256 for sha256, path in listed}


@pytest.mark.slow
@pytest.mark.parametrize("vector_name", THROUGH_COMMANDS)
@pytest.mark.usefixtures("few_rules")
def test_each_vector_gets_its_verdicts_from_a_bag(run: Run, aws: AwsServer, tmp_path: Path, vector_name: str) -> None:
    vector = Vector(vector_name)
    aws.hold(vector)
    lake, bag = tmp_path / "lake", tmp_path / "case.bag"
    run("ingest", f"s3://{vector.expected['bucket']}", "--lake", lake, "--verify", "complete", "--jobs", 1)
    run("bundle", "--all", "--lake", lake, "--output", bag, *scope_of(vector))
    aws.objects = {}

    result = run("bundle", "verify", bag, "--format", "jsonl", "--keys", "bundle")

    found = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == vector.expected["exit_code"], result.err
    for kind, expected in (("digest", vector.expected_digests()), ("log_file", vector.expected_logs())):
        verdicts = {key(one["uri"]): one["verdict"] for one in found if one["kind"] == kind}
        assert verdicts == not_verified(expected)
    assert not [one for one in found if one["kind"] == "file"]


@pytest.mark.slow
@needs_tools
def test_a_bag_is_checked_by_hand_as_its_readme_says(bag: Path) -> None:
    text = (bag / "data/README.txt").read_text()
    script = "\n".join(re.findall(r"^    (.*)$", text, re.MULTILINE))

    ended = subprocess.run(
        ["sh", "-e", "-c", script], cwd=bag, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
    digests = [one for one in objects(bag, "digest").values() if one["held"] == "kept"]
    logs = [one for one in objects(bag, "log_file").values() if one["verdict"] == "verified"]
    assert len(digests) > 20
    assert len(logs) > 10
    assert ended.stdout.count("Verified OK") == len(digests)
    assert ended.stdout.count("as signed") == len(logs)


@pytest.mark.slow
@needs_tools
def test_by_hand_a_log_file_that_was_replaced_is_noticed(bag: Path) -> None:
    text = (bag / "data/README.txt").read_text()
    script = "\n".join(re.findall(r"^    (.*)$", text[text.index("2. The digests") :], re.MULTILINE))
    one = next(one for one in objects(bag, "log_file").values() if one["verdict"] == "verified")
    write_log(bag / f"data/objects/{one['sha256'][:2]}/{one['sha256']}.gz", LOGIN)

    ended = subprocess.run(
        ["sh", "-e", "-c", script], cwd=bag, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )

    assert f"log file {one['sha256']} as signed" not in ended.stdout


def test_another_reader_of_bags_finds_it_valid(bag: Path) -> None:
    assert bagit.Bag(str(bag)).validate()


def test_the_same_lake_gives_the_same_bag_but_for_statement_and_custody(
    detector: Detector, case: Case, tmp_path: Path
) -> None:
    detector("bundle", "--lake", case.lake, "--output", tmp_path / "second.bag")

    first, second = manifest(case.bag), manifest(tmp_path / "second.bag")

    differing = {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)}
    assert differing <= {"data/statement.json", "data/custody.jsonl"}


def test_the_hash_that_is_printed_is_that_of_the_tag_manifest(detector: Detector, case: Case, tmp_path: Path) -> None:
    made = detector("bundle", "--lake", case.lake, "--output", tmp_path / "second.bag")

    checked = subprocess.run(["sha256sum", "-c"], input=made.out, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_of_alerts_a_bag_has_their_files_and_the_digests_from_there_on(bag: Path) -> None:
    alerts = lines(bag / "data/alerts.jsonl")
    named = {place["log_file"] for alert in alerts for place in alert["evidence"]}
    logs = objects(bag, "log_file")

    assert named == logs.keys()
    assert {one["verdict"] for one in logs.values()} == {"verified"}
    ends = [uri.rpartition("_")[2] for uri in objects(bag, "digest") if "us-east-1" in uri]
    assert min(ends) > "20250303T100000Z"  # the trail begins earlier
    records = lines(bag / "data/records.jsonl")
    assert {(one["log_file"], one["index"]) for one in records} == {
        (place["log_file"], place["index"]) for alert in alerts for place in alert["evidence"]
    }
    assert {one["record"]["eventID"] for one in records} >= {
        place["event_id"] for alert in alerts for place in alert["evidence"]
    }
    assert "detected_at" not in alerts[0]


def test_the_statement_says_what_was_asked_and_who_collected_it(bag: Path) -> None:
    statement = json.loads((bag / "data/statement.json").read_text())

    assert statement["contents"] == "alerts"
    assert statement["collected"]["arn"] == "arn:aws:iam::111122223333:user/auditor"
    assert len(statement["rules"]["root_mfa_deactivated.sql"]) == 64
    assert statement["integrity"]["log_files"] == {"verified": len(objects(bag, "log_file"))}
    assert {one["who"] for one in lines(bag / "data/custody.jsonl")} == {statement["collected"]["arn"]}


def test_what_was_fetched_is_named_with_its_etag_and_version(case: Case, bag: Path) -> None:
    logs = objects(bag, "log_file")
    steps = {one["uri"]: one for one in lines(bag / "data/custody.jsonl") if one["what"] == "read from its source"}

    assert logs.keys() == steps.keys()
    for uri, log in logs.items():
        stored = case.server.objects[uri.removeprefix("s3://")]
        named = (hashlib.md5(stored.body).hexdigest(), version_of(stored))
        assert (log["etag"], log["version_id"]) == named
        assert (steps[uri]["etag"], steps[uri]["version_id"]) == named
    assert {one["version_id"] for one in objects(bag, "digest").values()} == {None}, "the lake does not keep it"


def test_what_aws_answered_about_keys_is_there_word_for_word(bag: Path) -> None:
    kept = {path.name: lines(path) for path in (bag / "data/public-keys").glob("*.answers.jsonl")}

    assert kept
    for name, pages in kept.items():
        region = name.removesuffix(".answers.jsonl")
        document = json.loads((bag / f"data/public-keys/{region}.json").read_text())
        assert [key for page in pages for key in json.loads(page["body"])["PublicKeyList"]] == document["PublicKeyList"]
        assert {page["region"] for page in pages} == {region}
        assert all(page["date"] and page["request"]["StartTime"] for page in pages)


@pytest.mark.parametrize("name", ["case.bag", "case.zip"])
def test_a_writer_that_is_killed_at_any_step_leaves_a_whole_bag_or_none(tmp_path: Path, name: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("crash.py")), str(tmp_path), name]
    environment = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parents[2])}

    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    lives = [json.loads(line) for line in output.splitlines()]
    assert len(lives) > 10
    assert [life["killed"] for life in lives] == [True] * (len(lives) - 1) + [False]
    assert lives[-1]["left"] == [name], "nothing beside it"
    undisturbed = check(Path(lives[-1]["folder"]) / name, None)
    for life in lives[:-1]:
        if name in life["left"]:
            found = check(Path(life["folder"]) / name, None)
            assert (found.sha256, found.problems) == (undisturbed.sha256, undisturbed.problems)
        assert all(left == name or left.startswith(f".{name}.") for left in life["left"])


def test_keys_of_objects_are_no_paths(case: Case, bag: Path) -> None:
    paths = [str(path.relative_to(bag)) for path in bag.rglob("*") if path.is_file()]

    assert not [path for path in paths if "CloudTrail" in path or case.server.url in path]


def test_an_object_that_is_gone_or_differs_is_named_and_left_out(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    lake, bag = tmp_path / "lake", tmp_path / "case.bag"
    run("ingest", "s3://example-trail-bucket", "--lake", lake, "--verify", "complete", "--jobs", 1)
    gone, altered = [place for place in aws.objects if "/CloudTrail/" in place][:2]
    del aws.objects[gone]
    aws.objects[altered] = replace(aws.objects[altered], body=gzip.compress(b'{"Records": []}'))

    made = run("bundle", "--all", "--lake", lake, "--output", bag, *scope_of(vector))
    checked = run("bundle", "verify", bag, "--keys", "bundle")

    assert made.code == 4
    held = {one["uri"]: one["held"] for one in objects(bag, "log_file").values() if one["held"] != "kept"}
    assert held == {f"s3://{gone}": "unreadable", f"s3://{altered}": "differs"}
    assert all(f"left out: {uri}: " in made.err for uri in held)
    statement = json.loads((bag / "data/statement.json").read_text())
    assert {one["uri"] for one in statement["left_out"]["first"]} == held.keys()
    assert checked.code == 4
    assert "unreadable  s3://" in checked.out


def test_a_file_that_is_missing_is_absent_in_the_bag(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    vector = Vector("missing_log")
    aws.hold(vector)
    lake, bag = tmp_path / "lake", tmp_path / "case.bag"
    run("ingest", "s3://example-trail-bucket", "--lake", lake, "--verify", "complete", "--jobs", 1)

    run("bundle", "--lake", lake, "--output", bag)

    absent = [one for one in objects(bag, "log_file").values() if one["held"] == "absent"]
    assert [one["verdict"] for one in absent] == ["missing"]
    checked = run("bundle", "verify", bag, "--keys", "bundle")
    assert checked.code == 5
    assert f"missing     {absent[0]['uri']}" in checked.out


@pytest.mark.usefixtures("few_rules")
def test_a_lake_of_local_files_without_digests_is_bundled_and_not_proven(run: Run, tmp_path: Path) -> None:
    file = write_log(tmp_path / "logs/export.json.gz", LOGIN)
    plain = tmp_path / "logs/plain.json"
    plain.write_text(json.dumps({"Records": [LOGIN | {"eventID": "another"}]}, indent=1))
    lake, bag = tmp_path / "lake", tmp_path / "case.bag"
    run("ingest", tmp_path / "logs", "--lake", lake, "--jobs", 1)

    made = run("bundle", "--all", "--lake", lake, "--output", bag)
    checked = run("bundle", "verify", bag, "--keys", "bundle")

    assert (made.code, checked.code) == (0, 4)
    assert set(objects(bag, "log_file")) == {file.as_uri(), plain.as_uri()}
    assert {path.suffix for path in (bag / "data/objects").rglob("*.*")} == {".gz", ".bin"}
    assert {one["record"]["eventID"] for one in lines(bag / "data/records.jsonl")} == {LOGIN["eventID"], "another"}
    assert "unplaced" in checked.out


@pytest.mark.usefixtures("few_rules")
def test_what_came_from_a_pipe_cannot_be_had_again(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_log(tmp_path / "log.json.gz", LOGIN)
    lake, bag = tmp_path / "lake", tmp_path / "case.bag"
    with file.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        run("ingest", "-", "--lake", lake)

    made = run("bundle", "--lake", lake, "--output", bag)

    assert made.code == 4
    assert "its source cannot be read a second time" in made.err


@pytest.mark.usefixtures("few_rules")
def test_only_what_is_asked_for_is_in_a_bag(run: Run, tmp_path: Path) -> None:
    other = LOGIN | {"recipientAccountId": "444455556666", "eventID": "other", "eventTime": "2025-03-09T09:52:10Z"}
    other["userIdentity"] = LOGIN["userIdentity"] | {"accountId": "444455556666"}
    write_log(tmp_path / "logs/one.json.gz", LOGIN)
    write_log(tmp_path / "logs/other.json.gz", other)
    lake = tmp_path / "lake"
    run("ingest", tmp_path / "logs", "--lake", lake, "--jobs", 1)

    def alerts(*options: str) -> set[str]:
        bag = tmp_path / f"{len(list(tmp_path.iterdir()))}.bag"
        assert run("bundle", "--lake", lake, "--output", bag, *options).code == 0
        return {one["account_id"] for one in lines(bag / "data/alerts.jsonl")}

    assert alerts() == {"111122223333", "444455556666"}
    assert alerts("--account", "111122223333") == {"111122223333"}
    assert alerts("--since", "2025-03-08") == {"444455556666"}
    assert alerts("--until", "2025-03-08") == {"111122223333"}
    assert alerts("--region", "eu-west-1") == set()


def test_who_collects_is_unknown_when_sts_does_not_say(detector: Detector, case: Case, tmp_path: Path) -> None:
    case.server.denied.append("sts")
    try:
        detector("bundle", "--lake", case.lake, "--output", tmp_path / "second.bag")
    finally:
        case.server.denied.remove("sts")

    assert json.loads((tmp_path / "second.bag/data/statement.json").read_text())["collected"]["arn"] is None


def test_what_exists_is_never_written_over(detector: Detector, case: Case, tmp_path: Path) -> None:
    (tmp_path / "case.bag").mkdir()

    refused = detector("bundle", "--lake", case.lake, "--output", tmp_path / "case.bag", code=2)

    assert f"error: {tmp_path / 'case.bag'} exists already" in refused.err
    assert list((tmp_path / "case.bag").iterdir()) == []


def test_without_a_folder_for_it_there_is_one_error(detector: Detector, case: Case, tmp_path: Path) -> None:
    refused = detector("bundle", "--lake", case.lake, "--output", tmp_path / "absent/case.bag", code=2)

    assert "error: cannot write the bag" in refused.err


def test_lake_and_output_are_needed(run: Run, tmp_path: Path) -> None:
    assert run("bundle").errors == ["error: --lake and --output are needed"]
    assert run("bundle", "--lake", tmp_path).code == 2


@pytest.mark.slow
@needs_ssh
def test_a_bag_can_be_signed_and_checked_with_ssh_keygen(detector: Detector, case: Case, tmp_path: Path) -> None:
    signing_key, bag = tmp_path / "key", tmp_path / "case.bag"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", signing_key], check=True)
    (tmp_path / "allowed").write_text(f"anna {signing_key.with_suffix('.pub').read_text()}")
    detector("bundle", "--lake", case.lake, "--output", bag, "--sign", signing_key)

    signature = bag / "tagmanifest-sha256.txt.sig"
    command = ["ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", "anna", "-n", "detector-evidence"]
    with (bag / "tagmanifest-sha256.txt").open() as tags:
        subprocess.run([*command, "-s", str(signature)], stdin=tags, check=True, capture_output=True)

    assert "there is a signature" in detector("bundle", "verify", bag, "--keys", "bundle").err
    assert bagit.Bag(str(bag)).validate()
    signature.write_text(signature.read_text().replace("U1NIU0lH", "U1NIU0lI"))
    assert "tagmanifest-sha256.txt.sig" in detector("bundle", "verify", bag, "--keys", "bundle", code=5).out


@needs_ssh
def test_without_ssh_keygen_a_signature_is_not_checked(
    detector: Detector, monkeypatch: pytest.MonkeyPatch, bag: Path, tmp_path: Path
) -> None:
    (bag / "tagmanifest-sha256.txt.sig").write_text("a signature")
    monkeypatch.setenv("PATH", str(tmp_path))

    checked = detector("bundle", "verify", bag, "--keys", "bundle", code=4)

    assert "not checked: ssh-keygen is not installed" in checked.out


@pytest.mark.slow
@needs_tools
def test_a_timestamp_authority_is_asked_about_a_hash(detector: Detector, case: Case, tmp_path: Path) -> None:
    query, bag = tmp_path / "case.tsq", tmp_path / "case.bag"

    made = detector("bundle", "--lake", case.lake, "--output", bag, "--timestamp-query", query)

    text = subprocess.run(
        ["openssl", "ts", "-query", "-in", query, "-text"], capture_output=True, text=True, check=True
    )
    dump = re.findall(r"^    [0-9a-f]{4} - ([0-9a-f -]{47})", text.stdout, re.MULTILINE)
    assert "".join(dump).replace(" ", "").replace("-", "") == made.out.split()[0]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--sign", "key"], "--sign needs ssh-keygen, which is not installed"),
        (["--timestamp-query", "query"], "--timestamp-query needs openssl, which is not installed"),
    ],
)
def test_a_program_that_is_not_installed_is_one_error(
    detector: Detector, monkeypatch: pytest.MonkeyPatch, case: Case, tmp_path: Path, option: list[str], message: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    refused = detector("bundle", "--lake", case.lake, "--output", tmp_path / "case.bag", *option, code=2)

    assert f"error: {message}" in refused.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@needs_ssh
def test_a_key_that_is_none_leaves_nothing_behind(detector: Detector, case: Case, tmp_path: Path) -> None:
    signing_key = tmp_path / "key"
    arguments = ("bundle", "--lake", case.lake, "--output", tmp_path / "case.bag", "--sign", signing_key)
    assert f"error: there is no key {signing_key}" in detector(*arguments, code=2).err
    signing_key.write_text("no key")

    refused = detector(*arguments, code=2)

    assert "error: ssh-keygen fails: " in refused.err
    assert list(tmp_path.iterdir()) == [signing_key]


def test_a_query_that_exists_is_not_written_over(detector: Detector, case: Case, tmp_path: Path) -> None:
    (tmp_path / "query").write_text("an older one")

    refused = detector(
        "bundle", "--lake", case.lake, "--output", tmp_path / "b", "--timestamp-query", tmp_path / "query", code=2
    )

    assert "exists already" in refused.err
    assert (tmp_path / "query").read_text() == "an older one"


def test_a_full_disk_is_one_error_and_leaves_nothing(detector: Detector, case: Case, tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limit[1]))
    try:
        refused = detector("bundle", "--lake", case.lake, "--output", tmp_path / "case.bag", code=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)

    assert "error: cannot write the bag" in refused.err
    assert list(tmp_path.iterdir()) == []
