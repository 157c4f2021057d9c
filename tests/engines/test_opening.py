"""What `--engine` names, and what goes with it."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from pyspark.errors import PySparkException

from detector.engines.local import LOCAL
from detector.engines.names import require_engine
from detector.engines.opening import open_engine
from detector.engines.spark import shown_address, spark_errors
from detector.errors import DetectorError, UsageError
from tests.engines.sail import free_port
from tests.running import LOGIN, Run, write_log


def test_without_a_name_it_is_this_machine() -> None:
    with open_engine("local", jobs=1) as engine:
        assert engine is LOCAL


@pytest.mark.parametrize("name", ["", "ray", "sc:/host", "sc://", "SPARK", "http://host:15002"])
def test_what_is_no_engine_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no engine"):
        require_engine(name)


def test_a_token_is_not_shown() -> None:
    assert shown_address("sc://name:secret@host:443/;token=secret") == "sc://host:443"
    with pytest.raises(UsageError) as raised:
        require_engine("http://host/;token=secret")
    assert "secret" not in str(raised.value)


def test_where_nobody_listens_it_is_said_at_once(run: Run, tmp_path: Path) -> None:
    log = write_log(tmp_path / "a.json.gz", LOGIN)
    address = f"sc://127.0.0.1:{free_port()}"
    result = run("scan", log, "--engine", f"{address}/;token=secret")
    assert (result.code, result.out) == (2, "")
    assert result.errors == [f"error: cannot connect to {address}: connection refused"]
    assert "secret" not in result.err


def test_executors_need_a_lake_that_all_of_them_find(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["ingest", "."], ["run", "."], ["compact"]):
        result = run(*command, "--lake", "lake", "--engine", "sc://127.0.0.1:1")
        assert (result.code, result.errors) == (2, ["error: --lake lake is another folder on each executor"])
    assert list(tmp_path.iterdir()) == []


def test_one_machine_is_not_given_a_thousand_processes(run: Run, tmp_path: Path) -> None:
    result = run("scan", tmp_path, "--jobs", "1000")
    assert (result.code, result.errors) == (2, ["error: --jobs 1000 is more than one machine is given: 64"])


def test_a_found_configuration_names_no_engine(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(tmp_path / "a.json.gz", LOGIN)
    (tmp_path / "detector.toml").write_text('engine = "sc://evil.example:443"\n')
    monkeypatch.chdir(tmp_path)
    result = run("scan", ".")
    assert result.code == 2
    assert "engine" in result.errors[0]


def test_spark_without_spark_is_an_error_of_usage() -> None:
    with pytest.raises(UsageError, match="only its client") as raised, open_engine("spark", jobs=1):
        pass
    assert "spark-submit" in raised.value.hint


JAVA = """An error occurred while calling o57.collectToPython.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2844)
"""
PYTHON = """[PYTHON_EXCEPTION] Traceback (most recent call last):
  File "a.py", line 1, in f
ArithmeticError: of no
"""


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (JAVA, "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times"),
        (JAVA + "Caused by: java.io.IOException: gone\n\t... 1 more", "Caused by: java.io.IOException: gone"),
        (PYTHON, "ArithmeticError: of no"),
        ("[CONNECT_URL_NOT_SET] no URL\nmore", "[CONNECT_URL_NOT_SET] no URL"),
        ("", "PySparkException"),
    ],
)
def test_what_spark_raises_is_told_in_the_line_that_matters(message: str, told: str) -> None:
    with pytest.raises(DetectorError) as raised, spark_errors():
        raise PySparkException(message)
    assert str(raised.value) == f"Spark gave up: {told}"


def test_a_server_that_is_gone_is_told_in_a_line() -> None:
    with grpc.insecure_channel(f"127.0.0.1:{free_port()}") as channel:
        call = channel.unary_unary("/spark.connect.SparkConnectService/Config")
        with pytest.raises(DetectorError, match=r"^Spark gave up: .*refused") as raised, spark_errors():
            call(b"")
    assert "StatusCode" not in str(raised.value)
