"""What several test folders share: an environment without the machine's own AWS settings, and an S3 server."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detector.cli import app as cli
from detector.lake.object_store import ObjectStore
from detector.lake.place import lake_at
from detector.lake.stored_lake import StoredLake
from detector.rules.rule import VIEWS, shipped_rules_directory
from tests.lookup_server import LookupServer, serve_lookup_events
from tests.places import Place, stored_lake
from tests.running import FEW_RULES, Result, Run, aws_environment
from tests.verify.aws_server import AwsServer, serve_aws
from tests.verify.vectors import Vector

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).parents[1]
_numbers = count()
# Spark's client takes a program that is no file for doctests of its own, and so it does the workers of a test run.
sys.modules["__main__"].__dict__.setdefault("__file__", __file__)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first in the halves that two workers begin with: else one waits for the other."""
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    half = len(others) // 2
    items[:] = [*long[::2], *others[:half], *long[1::2], *others[half:]]


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A real S3 API over HTTP on loopback."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_variables(tmp_path: Path, s3_url: str) -> dict[str, str]:
    """The environment of a person whose S3 is the test server."""
    return aws_environment(s3_url, tmp_path)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, aws_variables: dict[str, str]) -> Iterator[AwsServer]:
    """A loopback AWS with five log files and the digests of them, which can refuse."""
    with serve_aws() as server:
        urls = {"AWS_ENDPOINT_URL_STS": server.url}
        for name, value in (aws_variables | server.variables | urls).items():
            monkeypatch.setenv(name, value)
        server.hold(Vector("valid"))
        yield server


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command line, called in this process."""

    def run_main(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["detector", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Result(code or 0, out, err)

    return run_main


@pytest.fixture(scope="session")
def few_rules_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the shipped rules, without what only shipped rules may say."""
    folder = tmp_path_factory.mktemp("few-rules")
    for name in FEW_RULES:
        text = (shipped_rules_directory() / f"{name}.sql").read_text()
        (folder / f"{name}.sql").write_text(re.sub(r"^-- reports_alone = .*\n", "", text, flags=re.MULTILINE))
    (folder / VIEWS).symlink_to(shipped_rules_directory() / VIEWS)
    return folder


@pytest.fixture
def few_rules(monkeypatch: pytest.MonkeyPatch, few_rules_directory: Path) -> None:
    """In this process, the shipped rules are only some of them."""
    for module in ("detect.detect", "detect.resting", "watch.rule_schedule"):
        monkeypatch.setattr(f"detector.{module}.shipped_rules_directory", lambda: few_rules_directory)


@pytest.fixture
def lookup_server() -> Iterator[LookupServer]:
    """The LookupEvents API over HTTP on loopback."""
    with serve_lookup_events() as server:
        yield server


@pytest.fixture(scope="session")
def lake_client(s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Client]:
    """The client that a lake makes for itself: to make one takes longer than the rest of a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws_environment(s3_url, tmp_path_factory.mktemp("aws")).items():
            patch.setenv(name, value)
        client = ObjectStore("any", "")._client
    yield client
    client.close()


@pytest.fixture
def lake_bucket(lake_client: S3Client, aws_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a bucket of the test's own."""
    for name, value in aws_variables.items():
        monkeypatch.setenv(name, value)
    name = f"lake-{next(_numbers)}"
    lake_client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def machine(lake_bucket: str, lake_client: S3Client) -> Callable[[], StoredLake]:
    """Hands out one lake in S3, as a further machine sees it that has nothing of it yet."""

    def see(name: str = "trail") -> StoredLake:
        return stored_lake(lake_client, lake_bucket, name)

    return see


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Hands out lakes by name, in a folder and in S3."""
    if request.param == "folder":
        return lambda name="lake": lake_at(tmp_path / name)
    see: Place = request.getfixturevalue("machine")
    return see
