"""Somebody else's engine in the place of worker processes: the same answers, and errors that people can read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from detector.engines.spark import SparkEngine, open_spark
from detector.errors import DetectorError, LakeBusy
from tests.engines.sail import Sail, sail
from tests.engines.work import Task, fail, large, refuse, rows, square, write
from tests.running import Result, Run

ROOT = Path(__file__).parents[2]
TRAILS = ROOT / "fixtures/trails"
VALID = ROOT / "fixtures/digests/valid"


@pytest.fixture(scope="module")
def engine(cluster: Sail) -> Iterator[SparkEngine]:
    with open_spark(cluster.address, jobs=2) as engine:
        yield engine


def alerts_in(result: Result) -> list[dict[str, object]]:
    return sorted(({**one, "detected_at": None} for one in result.alerts), key=lambda one: str(one["alert_id"]))


def told(result: Result) -> str:
    return re.sub(r"/(there|here)\b", "", result.err)


def test_every_task_is_done_once_and_none_too_early(engine: SparkEngine) -> None:
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            yield taken
            taken += 1

    results = engine.run(square, endless(), jobs=2)
    first = {next(results) for _ in range(6)}
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(first) == 6
    assert first <= {number**2 for number in range(taken + 1)}
    assert taken <= 12
    assert sorted(engine.run(square, range(5), jobs=2)) == [0, 1, 4, 9, 16]
    assert list(engine.run(square, [], jobs=2)) == []


def test_a_result_may_be_larger_than_a_message(engine: SparkEngine) -> None:
    size_bytes = 10 << 20
    [found] = engine.run(large, [size_bytes], jobs=2)
    assert found == large(size_bytes)
    [table] = engine.run(rows, [5], jobs=2)
    assert table.equals(rows(5))


def test_files_of_two_attempts_have_different_names(engine: SparkEngine, tmp_path: Path) -> None:
    written = [*engine.run(write, [Task(1, tmp_path), Task(1, tmp_path)], jobs=2)]
    assert {path.name for path in tmp_path.iterdir()} == {name for one in written for name in one.names}
    assert len(list(tmp_path.iterdir())) == 2
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def test_an_error_keeps_its_type(engine: SparkEngine) -> None:
    with pytest.raises(LakeBusy, match="cannot be done") as raised:
        list(engine.run(refuse, ["own"], jobs=2))
    assert raised.value.hint == "do something else"


def test_an_error_of_python_is_told_in_a_line(engine: SparkEngine) -> None:
    with pytest.raises(DetectorError, match=r"^Spark gave up: .*ArithmeticError: of no kind of ours") as raised:
        list(engine.run(fail, [1], jobs=2))
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("few_rules")
def test_a_scan_is_that_of_one_machine(run: Run, cluster: Sail) -> None:
    source = TRAILS / "compromised_root"
    there = run("scan", source, "--engine", cluster.address, "--jobs", 2)
    here = run("scan", source, "--jobs", 1)
    assert there.code == here.code == 0
    assert here.alerts
    assert alerts_in(there) == alerts_in(here)
    assert there.err == here.err


def test_what_one_machine_alone_can_read_is_refused(run: Run, cluster: Sail) -> None:
    for source in ("-", "lookup-events:"):
        result = run("scan", source, "--engine", cluster.address, "--jobs", 1)
        assert (result.code, result.errors) == (2, [f"error: executors cannot read {source}"])


@pytest.mark.slow
def test_executors_read_buckets_with_credentials_of_their_own(
    run: Run, tmp_path: Path, aws_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "read-by-executors"
    for variable, value in aws_variables.items():
        monkeypatch.setenv(variable, value)
    client = boto3.client("s3", endpoint_url=aws_variables["AWS_ENDPOINT_URL_S3"])
    client.create_bucket(Bucket=name)
    for path in sorted((TRAILS / "compromised_root/AWSLogs").rglob("*.gz")):
        client.put_object(Bucket=name, Key=str(path.relative_to(TRAILS / "compromised_root")), Body=path.read_bytes())
    lake = ["--lake", tmp_path / "lake"]

    def ingest(environment: dict[str, str]) -> Result:
        with sail(environment) as server:
            return run("ingest", f"s3://{name}", *lake, "--engine", server.address, "--jobs", 2)

    without = ingest({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert without.code == 2
    assert "credentials" in without.errors[0]
    assert run("status", *lake, "--format", "jsonl").out == ""
    assert ingest({}).code == 0
    assert run("detect", *lake).alerts


@pytest.mark.slow
def test_a_lake_is_that_of_one_machine(run: Run, cluster: Sail, tmp_path: Path) -> None:
    outcomes = []
    for name, more in (("here", ["--jobs", 1]), ("there", ["--jobs", 2, "--engine", cluster.address])):
        lake = ["--lake", tmp_path / name]
        came_in = run("ingest", TRAILS, *lake, *more)
        found = run("detect", *lake)
        compacted = run("compact", *lake, *more)
        again = run("detect", *lake)
        outcomes.append([came_in.code, told(came_in), alerts_in(found), compacted.err, alerts_in(again)])
        assert len(found.alerts) > 50
        assert run("status", *lake).code == 0
    assert outcomes[0] == outcomes[1]


@pytest.mark.slow
def test_run_delivers_the_same_alerts_once(run: Run, cluster: Sail, tmp_path: Path) -> None:
    there = ["--jobs", 2, "--engine", cluster.address]
    alerts = run("run", TRAILS, "--lake", tmp_path / "there", *there)
    assert alerts_in(alerts) == alerts_in(run("run", TRAILS, "--lake", tmp_path / "here", "--jobs", 1))
    assert run("run", TRAILS, "--lake", tmp_path / "there", *there).alerts == []


@pytest.mark.slow
def test_verify_hashes_the_same(run: Run, cluster: Sail) -> None:
    verify = ["verify", VALID / "bucket", "--keys", VALID / "keys", "--until", "2025-03-04T04:01:31Z"]
    there = run(*verify, "--engine", cluster.address, "--jobs", 2)
    here = run(*verify, "--jobs", 1)
    assert (there.code, there.out, there.err) == (here.code, here.out, here.err)
    assert here.code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ('__version__ = "0.0.9"', r"error: the executors have detector 0\.0\.9, this is "),
        ("raise ModuleNotFoundError('no such')", "error: detector is not installed on the executors: no such"),
    ],
)
def test_executors_with_another_version_are_refused(run: Run, tmp_path: Path, installed: str, expected: str) -> None:
    package = tmp_path / "there" / "detector"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(installed)
    with sail({"PYTHONPATH": str(package.parent)}) as server:
        result = run("ingest", TRAILS, "--lake", tmp_path / "lake", "--engine", server.address, "--jobs", 2)
    assert result.code == 2
    assert re.match(expected, result.errors[0])
    assert "hint: give the driver and all executors the same image" in result.err
    assert not (tmp_path / "lake").exists()
