"""What an operator sees when a SIEM does not take alerts, and what becomes of them."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import boto3
import pytest
import trustme

from detector.alerts.delivery import Delivery, Refused
from detector.cli.summary import say_delivery
from detector.lake.place import LakePlace
from detector.lake.stored_lake import StoredLake
from detector.text import counted, url_without_path
from tests.places import Place, slow_in_s3
from tests.running import Result, Run

from .endpoints import Endpoint, Reply, Request, serving, unused_port

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "fixtures/trails/compromised_root/AWSLogs"
TOKEN = "11111111-2222-3333-4444-555555555555"
WITH_FEW_RULES = """
import sys
from pathlib import Path
import detector.array_libraries  # before Arrow, as where the program is started by its name
from detector.detect import detect
from detector.alerts.sinks.sink import Limits
from detector.alerts.sinks.webhook import Webhook
from detector.cli.app import main
rules = Path(sys.argv.pop(1))
detect.shipped_rules_directory = lambda: rules
Webhook.limits = Limits(2, 100_000)
main()
"""

pytestmark = pytest.mark.usefixtures("few_rules")


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("ingested") / "lake"
    command = [sys.executable, "-m", "detector", "ingest", str(LOGS), "--lake", str(lake), "--jobs", "1"]
    subprocess.run(command, check=True, capture_output=True)
    return lake


@pytest.fixture
def lake(ingested: Path, tmp_path: Path) -> Path:
    """A lake of which no alert has been written."""
    return shutil.copytree(ingested, tmp_path / "lake")


@pytest.fixture
def lake_of_either_kind(ingested: Path, place: Place) -> LakePlace:
    """The same lake, in a folder or in S3."""
    lake = place()
    if isinstance(lake, StoredLake):
        files = [path for path in ingested.rglob("*") if path.is_file()]
        lake._store.create_all({path.relative_to(ingested).as_posix(): path for path in files})
    else:
        shutil.copytree(ingested, lake.directory)
    return lake


@pytest.fixture(scope="session")
def program(few_rules_directory: Path) -> list[str]:
    """A process of its own with the rules, and the batches, of these tests."""
    return [sys.executable, "-c", WITH_FEW_RULES, str(few_rules_directory)]


@pytest.fixture(scope="session")
def ids(ingested: Path, program: list[str]) -> list[str]:
    """The ids of its alerts, in order."""
    command = [*program, "detect", "--lake", str(ingested)]
    return ids_in(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ids_in(lines: str) -> list[str]:
    return [json.loads(line)["alert_id"] for line in lines.splitlines()]


def new(run: Run, lake: Path | LakePlace, *arguments: object) -> Result:
    return run("detect", "--new", "--lake", lake, "--delivery-seconds", "0.3", *arguments)


def waiting(run: Run, lake: Path) -> list[str]:
    return [line for line in run("status", "--lake", lake).err.splitlines() if line.startswith("alerts to ")]


# What is not delivered ------------------------------------------------------------------------------------------------


def test_alerts_wait_for_a_host_that_is_not_reached(run: Run, lake: Path, ids: list[str]) -> None:
    port = unused_port()
    url = f"http://127.0.0.1:{port}/hook"
    result = new(run, lake, "--output", url)
    assert (result.code, result.out) == (4, "")
    reason = f"cannot connect to 127.0.0.1:{port}: Connection refused"
    name = url_without_path(url)
    assert result.errors == [f"error: {len(ids)} alerts not delivered to {name}: {reason}"]
    assert "hint: check host and port; kept in the lake; the next run with this --output sends" in result.err
    assert waiting(run, lake) == [f"alerts to {name}: 0 delivered, {len(ids)} waiting, 0 refused"]
    with serving(Endpoint(), port=port) as endpoint:
        assert new(run, lake, "--output", url).code == 0
        assert new(run, lake, "--output", url).code == 0
    assert endpoint.ids == ids
    assert waiting(run, lake) == [f"alerts to {name}: {len(ids)} delivered, 0 waiting, 0 refused"]


def test_alerts_wait_while_the_certificate_is_wrong(
    run: Run, lake: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(Endpoint(), context) as endpoint:
        url = f"https://127.0.0.1:{endpoint.port}/hook"
        result = new(run, lake, "--output", url)
        assert result.code == 4
        [error] = result.errors
        assert error.startswith(
            f"error: {len(ids)} alerts not delivered to {url_without_path(url)}: the certificate of 127.0.0.1:"
        )
        assert "SSL_CERT_FILE" in result.err
        assert endpoint.requests == []
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert new(run, lake, "--output", url).code == 0
        assert endpoint.ids == ids


def test_alerts_wait_while_the_token_is_wrong_and_it_is_never_shown_or_kept(
    run: Run, lake: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def check(request: Request) -> Reply:
        is_right = request.headers["authorization"] == f"Splunk {TOKEN}"
        return Reply() if is_right else Reply(403, b'{"text":"Invalid token","code":4}')

    report = tmp_path / "report.json"
    with serving(Endpoint(check)) as endpoint:
        url = f"hec+http://127.0.0.1:{endpoint.port}"
        arguments = ("run", LOGS, "--lake", lake, "--jobs", "1", "--output", url, "--report", report)
        monkeypatch.setenv("DETECTOR_HEC_TOKEN", "wr0ng-t0ken")
        result = run(*arguments)
        name = f"{url}/services/collector/event"
        assert result.code == 4
        assert result.errors == [f"error: {len(ids)} alerts not delivered to {name}: HTTP 403, code 4: Invalid token"]
        assert "hint: DETECTOR_HEC_TOKEN holds the token" in result.err
        document = json.loads(report.read_text())
        assert document["complete"] is False
        assert document["alerts_not_delivered"] == [
            {"output": name, "alerts": len(ids), "reason": "HTTP 403, code 4: Invalid token"}
        ]
        kept = b"".join(path.read_bytes() for path in lake.rglob("*") if path.is_file())
        assert b"wr0ng" not in kept + (result.err + report.read_text()).encode()
        endpoint.requests.clear()
        monkeypatch.setenv("DETECTOR_HEC_TOKEN", TOKEN)
        assert run(*arguments).code == 0
    assert json.loads(report.read_text())["complete"] is True
    events = [json.loads(line)["event"] for request in endpoint.requests for line in request.lines]
    assert [event["id"] for event in events] == ids


@slow_in_s3
def test_an_alert_that_is_refused_is_named_and_sent_again_only_when_asked(
    run: Run, lake_of_either_kind: LakePlace, ids: list[str], tmp_path: Path
) -> None:
    lake = lake_of_either_kind

    def check(request: Request) -> Reply:
        return Reply(422, b"") if ids[3].encode() in request.body else Reply()

    with serving(Endpoint(check)) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}/hook"
        report = tmp_path / "report.json"
        arguments = ("run", LOGS, "--lake", lake, "--jobs", "1", "--output", url, "--report", report)
        result = run(*arguments)
        assert result.code == 4
        name = url_without_path(url)
        assert result.errors == [f"error: alert {ids[3]} is refused by {name}: HTTP 422"]
        refused = [{"output": name, "alert_id": ids[3], "reason": "HTTP 422"}]
        assert json.loads(report.read_text())["alerts_refused"] == refused
        listed = run("outbox", "--lake", lake).out.splitlines()
        assert [line.split() for line in listed[1:]] == [[name, ids[3], "HTTP", "422"]]
        endpoint.requests.clear()
        endpoint.react = lambda _: Reply()
        assert new(run, lake, "--output", url).code == 0
        assert endpoint.requests == []
        assert run("outbox", "--lake", lake, "--retry", url).code == 0
        assert new(run, lake, "--output", url).code == 0
        assert endpoint.ids == [ids[3]]
        assert run("outbox", "--lake", lake).out.splitlines()[1:] == []


def test_several_outputs_each_get_all_alerts_and_one_that_fails_does_not_hold_up_the_others(
    run: Run, lake: Path, ids: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "alerts.jsonl"
    with closing(boto3.client("s3")) as s3:
        s3.create_bucket(Bucket="all-alerts")
        with serving(Endpoint()) as endpoint:
            dead, url = f"http://127.0.0.1:{unused_port()}/", f"http://127.0.0.1:{endpoint.port}/hook"
            result = new(run, lake, "--output", dead, "--output", file, "--output", url,
                         "--output", "s3://all-alerts/day", "--output", "-")  # fmt: skip
        [item] = s3.list_objects_v2(Bucket="all-alerts", Prefix="day/")["Contents"]
        stored = s3.get_object(Bucket="all-alerts", Key=item["Key"])["Body"].read().decode()
    assert result.code == 4
    assert ids_in(file.read_text()) == endpoint.ids == ids_in(stored) == ids_in(result.out) == ids
    result = new(run, lake, "--output", file)
    assert (result.code, ids_in(file.read_text())) == (0, ids)
    waiting = counted(len(ids), "alert")
    assert f"warning: {waiting} waiting for {dead}, which is not among the outputs of this run" in result.err
    assert [line.split()[1] for line in run("outbox", "--lake", lake).out.splitlines()[1:]] == ids
    assert run("outbox", "--lake", lake, "--drop", dead).code == 0
    assert "warning" not in new(run, lake, "--output", file).err


@pytest.mark.parametrize("option", ["--drop", "--retry"])
def test_the_outbox_of_an_output_that_is_not_known_is_an_error(
    run: Run, lake: Path, tmp_path: Path, option: str
) -> None:
    result = run("outbox", "--lake", lake, option, "https://other.example/")
    assert (result.code, result.errors) == (2, ["error: nothing was ever sent to https://other.example/"])
    assert run("outbox", "--lake", tmp_path / "none", option, "x").code == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["detect", "scan"])
def test_what_nothing_remembers_is_said_not_to_be_delivered(run: Run, lake: Path, ids: list[str], command: str) -> None:
    source = ("--lake", lake) if command == "detect" else (LOGS, "--jobs", "1")
    output = f"http://127.0.0.1:{unused_port()}/"
    result = run(command, *source, "--delivery-seconds", "0.3", "--output", output)
    assert result.code == 4
    assert f"error: {len(ids)} alerts not delivered to {output}" in result.err
    assert "run it again" in result.err
    assert waiting(run, lake) == []
    with serving(Endpoint()) as endpoint:
        assert run(command, *source, "--output", f"http://127.0.0.1:{endpoint.port}/").code == 0
    assert endpoint.ids == ids


def test_what_a_reader_of_standard_output_did_not_read_goes_to_the_next(
    lake: Path, ids: list[str], program: list[str]
) -> None:
    command = [*program, "detect", "--new", "--lake", str(lake)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as gone:
        assert gone.stdout
        gone.stdout.close()
    assert gone.returncode == 141
    assert ids_in(subprocess.run(command, capture_output=True, check=True, text=True).stdout) == ids


def test_of_many_refused_alerts_the_first_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    refused = [Refused("https://hook", f"id-{number}", "\x1b[31mbad") for number in range(12)]
    say_delivery(Delivery(refused=refused), remembered=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: alert id-0 is refused by https://hook: \\x1b[31mbad"
    assert len(lines) == 12
    assert lines[-2:] == ["error: … and 2 more", "hint: no alert was sent there; check the output"]
    say_delivery(Delivery(1, refused=refused, accepting={"https://hook"}), remembered=False)
    assert capsys.readouterr().err.splitlines()[-1] == "hint: the other alerts were sent"
    say_delivery(Delivery(1, refused=refused, accepting={"-"}), remembered=False)
    assert capsys.readouterr().err.splitlines()[-1] == "hint: no alert was sent there; check the output"


# What is written after --output and --format --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "hec+https://splunk.example", "--format", "native"], "takes the format hec alone"),
        (["--output", "securityhub:", "--format", "hec"], "takes the format asff alone"),
        (["--output", "https://siem.example/", "--format", "csv"], "a webhook takes JSON, and csv is none"),
        (["--output", "a", "--output", "./a"], "is given twice"),
        (["--output", "missing/alerts.jsonl"], "cannot write missing/alerts.jsonl"),
        (["--output", "hec+https://splunk.example"], "DETECTOR_HEC_TOKEN holds no token"),
    ],
)
def test_outputs_that_cannot_be_are_an_error_before_anything_is_done(
    run: Run, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = new(run, lake, *arguments)
    assert result.code == 2
    [error] = result.errors
    assert message in error
    assert "hint: " in result.err
    assert waiting(run, lake) == []


def test_a_format_is_for_the_outputs_that_take_any(run: Run, lake: Path, ids: list[str], tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    with serving(Endpoint()) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETECTOR_HEC_TOKEN", TOKEN)
        url = f"hec+http://127.0.0.1:{endpoint.port}"
        assert new(run, lake, "--output", url, "--output", file, "--format", "native").code == 0
    assert ids_in(file.read_text()) == ids
    assert all(json.loads(line)["event"] for request in endpoint.requests for line in request.lines)


@pytest.mark.parametrize("output", ["hec+https://splunk.example", "securityhub:"])
def test_withdrawn_alerts_do_not_go_where_only_alerts_can(
    run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setenv("DETECTOR_HEC_TOKEN", TOKEN)
    result = run("detect", "--lake", lake, "--withdrawn", "--output", output)
    assert (result.code, "--withdrawn goes where lines of JSON go" in result.err) == (2, True)


# SIGKILL --------------------------------------------------------------------------------------------------------------


def ids_of_message(request: Request) -> list[str]:
    """The id that stands at the end of a message of Slack's."""
    return [json.loads(request.body)["blocks"][-1]["elements"][0]["text"].rpartition(" ")[2]]


def ids_of_lines(request: Request) -> list[str]:
    return [json.loads(line)["alert_id"] for line in request.lines]


@pytest.mark.parametrize(
    ("scheme", "body", "ids_of"),
    [
        pytest.param("http", b"", ids_of_lines, marks=pytest.mark.slow),
        pytest.param("slack+http", b"ok", ids_of_message, marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_killed_while_it_delivers_loses_nothing(
    lake: Path, ids: list[str], program: list[str], scheme: str, body: bytes, ids_of: Callable[[Request], list[str]]
) -> None:
    taken: list[str] = []
    lives = 0

    def kill_at_every_fourth(request: Request) -> Reply:
        dies = len(endpoint.requests) % 4 == 0
        if not dies or lives % 2:  # sometimes it has taken what the dead will not know of
            taken.extend(ids_of(request))
        if dies:
            life.kill()
        return Reply(body=body)

    with serving(Endpoint(kill_at_every_fourth)) as endpoint:
        output = f"{scheme}://127.0.0.1:{endpoint.port}/"
        command = [*program, "detect", "--new", "--lake", str(lake), "--output", output]
        while lives < 20:
            lives += 1
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as life:
                pass
            if life.returncode == 0:
                break
            assert life.returncode == -9
    assert 3 <= lives < 20
    assert list(dict.fromkeys(taken)) == ids
