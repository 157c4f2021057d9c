"""What lies in deploy/ is held against the program and, as far as can be done without AWS, against its own tools."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import botocore.validate
import hcl2
import pytest
import typer
from cfnlint.api import lint_file
from typer.core import TyperGroup

from detector.cli.app import app
from hatch_build import BUILT, FOLDER, WHY_NOT_BUILT

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")

# Where the permission is called otherwise than the request. None: no permission is needed, or another account gives it.
_PERMISSIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:HeadObject": "s3:GetObject",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sns:PublishBatch": "sns:Publish",
    "s3:CopyObject": "s3:PutObject",  # and s3:GetObject of what is copied
    "s3:DeleteObjects": "s3:DeleteObject",
    "sts:GetCallerIdentity": None,
    "sts:AssumeRole": None,
}
_SERVICES = ("s3", "sqs", "sns", "sts", "cloudtrail", "securityhub", "events")


# The permissions ------------------------------------------------------------------------------------------------------


@cache
def requests_by_method() -> dict[str, str]:
    """Every request of the services that there are, by boto3's name for it."""
    session = botocore.session.Session()
    return {
        botocore.xform_name(request): f"{service}:{request}"
        for service in _SERVICES
        for request in session.get_service_model(service).operation_names
    }


def requests_of_the_program() -> set[str]:
    """The requests that the source names, as calls of a client's methods or as the names of paginators."""
    names: set[str] = set()
    for path in (ROOT / "detector").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                names.add(node.func.attr)
                if node.func.attr == "get_paginator" and isinstance(node.args[0], ast.Constant):
                    names.add(str(node.args[0].value))
    return {requests_by_method()[name] for name in names if name in requests_by_method()}


def permissions_of_the_program() -> set[str]:
    return {permission for one in requests_of_the_program() if (permission := _PERMISSIONS.get(one, one)) is not None}


def actions(policy: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow":
            found |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return found


def policies() -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (DEPLOY / "iam").glob("*.json")}


READ_THE_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}
WITHOUT_RESOURCES = {"cloudtrail:LookupEvents", "cloudtrail:ListPublicKeys"}
READ_THE_TRAIL = {"s3:ListBucket", "s3:GetObject"}


def test_the_policies_allow_what_the_program_asks_for() -> None:
    asked = permissions_of_the_program()
    assert {"s3:ListBucket", "s3:GetObject", "cloudtrail:LookupEvents"} <= asked
    assert asked <= set().union(*map(actions, policies().values()))


def test_the_readers_policy_allows_reading_and_no_more() -> None:
    allowed = actions(policies()["read-logs.json"])
    assert allowed == READ_THE_TRAIL | READ_THE_QUEUE | {"kms:Decrypt"} | WITHOUT_RESOURCES
    for statement in policies()["read-logs.json"]["Statement"]:
        everywhere = statement["Resource"] == "*"
        assert everywhere == (set(actions({"Statement": [statement]})) <= WITHOUT_RESOURCES)


def test_the_policy_of_a_shared_lake_allows_what_a_lake_needs_below_its_prefix() -> None:
    policy = policies()["shared-lake.json"]
    write = {"s3:PutObject", "s3:DeleteObject"}
    assert actions(policy) == {"s3:ListBucket", "s3:GetObject", "kms:Decrypt", "kms:GenerateDataKey"} | write
    store = (ROOT / "detector/lake/object_store.py").read_text(encoding="utf-8")
    assert set(re.findall(r'"(s3:[A-Za-z]+)"', store)) == {"s3:ListBucket", "s3:GetObject"} | write
    for statement in policy["Statement"]:
        lists = statement["Action"] == "s3:ListBucket"
        assert statement["Resource"].endswith("/trail/*") or "kms:" in statement["Resource"] or lists
        assert not lists or statement["Condition"] == {"StringLike": {"s3:prefix": "trail/*"}}


def test_the_documented_policy_is_part_of_the_readers() -> None:
    page = (ROOT / "docs/reference/permissions.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```json\n(\{\n  \"Version\".*?)```", page, re.DOTALL)
    assert actions(json.loads(shown)) == READ_THE_TRAIL | {"kms:Decrypt"}


# The queue ------------------------------------------------------------------------------------------------------------


def test_the_cloudformation_template_is_sound() -> None:
    assert [str(match) for match in lint_file(DEPLOY / "queue.yaml")] == []
    template = load_template("queue.yaml")
    assert template["Parameters"]["MaxReceives"]["MinValue"] >= 5
    assert template["Resources"]["DeadLetters"]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
    [send, deny] = template["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (send["Principal"], send["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert {key for test in send["Condition"].values() for key in test} == {"aws:SourceArn", "aws:SourceAccount"}
    assert deny["Effect"] == "Deny"
    reader = template["Resources"]["Reader"]["Properties"]["PolicyDocument"]
    assert actions(reader) == READ_THE_TRAIL | READ_THE_QUEUE
    bucket = template["Resources"]["Bucket"]
    assert bucket["DeletionPolicy"] == "Retain"
    assert bucket["DependsOn"] == "QueuePolicy", "S3 refuses a notification to a queue that it may not write to"


def load_template(name: str) -> dict[str, Any]:
    """A template without what CloudFormation's short forms (`!Ref`) stand for."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Takes `!Anything` as text."""

    Loader.add_multi_constructor("!", lambda _loader, suffix, _node: suffix)
    loaded: dict[str, Any] = yaml.load((DEPLOY / name).read_text(encoding="utf-8"), Loader)
    return loaded


def test_the_terraform_file_says_the_same() -> None:
    text = (DEPLOY / "queue.tf").read_text(encoding="utf-8")
    assert set(terraform_resources("queue.tf")) >= {
        "aws_sqs_queue",
        "aws_sqs_queue_policy",
        "aws_sqs_queue_redrive_allow_policy",
        "aws_s3_bucket_notification",
        "aws_cloudwatch_metric_alarm",
        "aws_iam_policy",
    }
    named = set(re.findall(r'"((?:s3|sqs|kms|cloudtrail):[A-Za-z]+)"', text))
    assert named == READ_THE_TRAIL | READ_THE_QUEUE | {"sqs:SendMessage"}
    for condition in ("aws:SourceArn", "aws:SourceAccount", "aws:SecureTransport"):
        assert f'"{condition}"' in text
    parameters = load_template("queue.yaml")["Parameters"]
    variables = terraform_defaults("queue.tf")
    assert variables["visibility_timeout"] == parameters["VisibilityTimeout"]["Default"]
    assert variables["max_receives"] == parameters["MaxReceives"]["Default"]


def terraform(name: str) -> dict[str, Any]:
    with (DEPLOY / name).open(encoding="utf-8") as file:
        return dict(hcl2.load(file))


def terraform_resources(name: str) -> dict[str, dict[str, Any]]:
    """The resources of a file by their kind; of several of a kind, the last."""
    return {
        kind.strip('"'): members
        for resource in terraform(name)["resource"]
        for kind, named in resource.items()
        if kind != "__is_block__"
        for members in named.values()
    }


def terraform_defaults(name: str) -> dict[str, Any]:
    """The variables of a file that have a default, and it."""
    return {
        variable.strip('"'): members["default"]
        for declared in terraform(name)["variable"]
        for variable, members in declared.items()
        if variable != "__is_block__" and "default" in members
    }


def test_s3_takes_the_notification_and_tells_the_queue_of_log_files(s3_url: str) -> None:
    session = boto3.Session("AKIATESTING", "not-one", region_name="us-east-1")
    s3, sqs = session.client("s3", endpoint_url=s3_url), session.client("sqs", endpoint_url=s3_url)
    notification = json.loads((DEPLOY / "notification.json").read_text(encoding="utf-8"))
    url = sqs.create_queue(QueueName="deploy-test")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    notification["QueueConfigurations"][0]["QueueArn"] = arn
    s3.create_bucket(Bucket="deploy-test")
    s3.put_bucket_notification_configuration(Bucket="deploy-test", NotificationConfiguration=notification)
    for key in ("AWSLogs/1/CloudTrail/a.json.gz", "AWSLogs/1/readme.txt", "elsewhere/a.json.gz"):
        s3.put_object(Bucket="deploy-test", Key=key, Body=b"{}")
    bodies = [
        json.loads(message["Body"])
        for _ in range(5)
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    ]
    keys = [record["s3"]["object"]["key"] for body in bodies for record in body.get("Records", [])]
    assert [key.rpartition("/")[2].rpartition("%2F")[2] for key in keys] == ["a.json.gz"]
    assert "elsewhere" not in keys[0]


# The function ---------------------------------------------------------------------------------------------------------


def test_the_functions_template_lets_one_of_it_run_and_only_failed_messages_come_again() -> None:
    assert [str(match) for match in lint_file(DEPLOY / "lambda/function.yaml")] == []
    resources = load_template("lambda/function.yaml")["Resources"]
    function, trigger = resources["Function"]["Properties"], resources["Trigger"]["Properties"]
    assert function["ReservedConcurrentExecutions"] == 1
    assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert trigger["ScalingConfig"] == {"MaximumConcurrency": 2}
    # Else a message comes again while it is being worked on.
    advised = re.search(r"VisibilityTimeout=(\d+)", OPERATIONS)
    assert advised is not None
    assert int(advised[1]) >= 6 * function["Timeout"]
    assert f"VisibilityTimeout={advised[1]}" in (DEPLOY / "lambda/function.yaml").read_text(encoding="utf-8")
    mounted = function["FileSystemConfigs"][0]["LocalMountPath"]
    assert function["Environment"]["Variables"]["DETECTOR_LAKE"].startswith(f"{mounted}/")
    assert resources["FileSystem"]["DeletionPolicy"] == "Retain"
    [policy] = resources["Role"]["Properties"]["Policies"]
    allowed = actions(policy["PolicyDocument"])
    assert allowed == {"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "s3:PutObject"}
    assert {"MountTargetA", "MountTargetB"} <= set(resources["Function"]["DependsOn"])


@pytest.mark.slow
def test_the_functions_terraform_file_says_the_same() -> None:
    resources = load_template("lambda/function.yaml")["Resources"]
    function, trigger = resources["Function"]["Properties"], resources["Trigger"]["Properties"]
    found = terraform_resources("lambda/function.tf")
    made, fed = found["aws_lambda_function"], found["aws_lambda_event_source_mapping"]
    assert made["reserved_concurrent_executions"] == function["ReservedConcurrentExecutions"]
    assert (made["timeout"], made["memory_size"]) == (function["Timeout"], function["MemorySize"])
    assert made["environment"][0]["variables"].keys() == function["Environment"]["Variables"].keys()
    assert fed["batch_size"] == trigger["BatchSize"]
    assert fed["maximum_batching_window_in_seconds"] == trigger["MaximumBatchingWindowInSeconds"]
    assert [one.strip('"') for one in fed["function_response_types"]] == trigger["FunctionResponseTypes"]
    assert fed["scaling_config"][0]["maximum_concurrency"] == trigger["ScalingConfig"]["MaximumConcurrency"]
    text = (DEPLOY / "lambda/function.tf").read_text(encoding="utf-8")
    assert set(re.findall(r'"((?:s3|elasticfilesystem|sqs):Client[A-Za-z]+|s3:[A-Z][A-Za-z]+)"', text)) == {
        "elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "s3:PutObject",
    }  # fmt: skip


def test_both_files_tell_somebody_of_errors_and_of_what_the_function_could_not_do() -> None:
    resources = load_template("lambda/function.yaml")["Resources"]
    alarms = [resources[name]["Properties"] for name in ("ErrorAlarm", "IncompleteAlarm")]
    made = [
        alarm
        for named in terraform("lambda/function.tf")["resource"]
        for alarm in named.get('"aws_cloudwatch_metric_alarm"', {}).values()
    ]
    for alarm, same in zip(alarms, made, strict=True):
        assert alarm["AlarmActions"]
        assert same["metric_name"].strip('"') == alarm["MetricName"]
        assert (same["period"], same["evaluation_periods"]) == (alarm["Period"], alarm["EvaluationPeriods"])
        assert same.get("datapoints_to_alarm") == alarm.get("DatapointsToAlarm")
    # The schedule alone fails every quarter of an hour, and so in one of three periods.
    errors = alarms[0]
    assert errors["Period"] * errors["EvaluationPeriods"] >= errors["DatapointsToAlarm"] * 900


def test_every_variable_that_the_function_is_given_sets_an_option_of_watch() -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    options = {name.lstrip("-") for one in program.commands["watch"].params for name in one.opts}
    variables = load_template("lambda/function.yaml")["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    for name in variables:
        assert name.removeprefix("DETECTOR_").removeprefix("WATCH_").lower().replace("_", "-") in options, name


# What starts the program ----------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every way in which deploy/ and the operations page call the program: where, and its arguments."""
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        unit = configparser.RawConfigParser(strict=False, delimiters="=")
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(path.read_text(encoding="utf-8"))
        yield path.name, shlex.split(unit["Service"]["ExecStart"])[1:]
    [line] = [line for line in (DEPLOY / "detector.cron").read_text().splitlines() if "bin/detector" in line]
    yield "detector.cron", shlex.split(line.partition("bin/detector ")[2])
    for number, command in enumerate(re.findall(r"^ *\$ .*?\bdetector ([a-z].*)", OPERATIONS, re.MULTILINE)):
        yield f"operations.md {number}", shlex.split(command)


@pytest.mark.parametrize(("where", "arguments"), list(commands()))
def test_each_command_has_only_options_that_exist(where: str, arguments: list[str]) -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    command = program.commands[arguments[0]]
    command.make_context(where, arguments[1:], resilient_parsing=False)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text(encoding="utf-8").replace("/opt/detector/bin/detector", sys.executable)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    names = sorted(path.name for path in tmp_path.iterdir())
    ended = subprocess.run(
        ["systemd-analyze", "verify", *names], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert [line for line in ended.stderr.splitlines() if "detector-" in line] == []


# The image ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    base: str
    steps: list[tuple[str, str]]  # instruction, the rest of its line

    def all(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]

    def json(self, instruction: str) -> list[str]:
        """The one instruction of this kind in its exec form, which needs no shell."""
        [rest] = self.all(instruction)
        form: list[str] = json.loads(rest[rest.index("[") :])
        return form


@cache
def stages(file: str = "Dockerfile") -> dict[str, Stage]:
    """The stages of a Dockerfile by name, in their order."""
    text = re.sub(r"\\\n\s*", "", (DEPLOY / file).read_text(encoding="utf-8"))
    found: dict[str, Stage] = {}
    for line in (line for line in text.splitlines() if line and not line.startswith(("#", "ARG"))):
        name, rest = line.split(maxsplit=1)
        if name == "FROM":
            base, _, stage = rest.partition(" AS ")
            assert stage, f"{line}: a stage without a name"
            found[stage] = Stage(base, [])
        else:
            list(found.values())[-1].steps.append((name, rest))
    return found


SHOWN = ["function", "command"]  # what is built to be run; a build without --target makes the last one


def test_the_images_are_of_the_oldest_python_that_is_supported() -> None:
    assert list(stages())[-1] == "command"
    minimum = re.search(r'requires-python = ">=([0-9.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert minimum is not None
    bases = {name: stage.base for name, stage in stages().items() if stage.base not in stages()}
    assert bases == {"build": f"python:{minimum[1]}"} | dict.fromkeys(SHOWN, f"python:{minimum[1]}-slim")


def test_an_image_is_built_where_there_is_a_compiler_with_all_that_the_build_reads() -> None:
    copied = " ".join(stages()["build"].all("COPY")).split()
    assert {"pyproject.toml", "hatch_build.py", "detector"} <= set(copied)
    [*_, installed] = stages()["build"].all("RUN")
    assert installed.endswith("detector --version --verbose"), "the log of a build says whether it has a core"
    left_out = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {f"{FOLDER}/{BUILT}", f"{FOLDER}/{WHY_NOT_BUILT}"} <= set(left_out)


@pytest.mark.parametrize("file", ["Dockerfile", "emr/Dockerfile"])
def test_the_images_are_built_from_the_checkout(file: str) -> None:
    let_in = (DEPLOY / f"{file}.dockerignore").read_text(encoding="utf-8").split()
    copied = [rest.split() for stage in stages(file).values() for rest in stage.all("COPY")]
    sources = [source for words in copied if not words[0].startswith("--from") for source in words[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in let_in
    for words in (words for words in copied if words[0].startswith("--from=")):
        assert words[0].removeprefix("--from=") in stages()


@pytest.mark.parametrize("name", SHOWN)
def test_an_image_runs_as_nobody_in_particular_and_needs_no_shell(name: str) -> None:
    stage = stages()[name]
    [user] = stage.all("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), "a number is known without /etc/passwd, and is not root's"
    assert stage.all("RUN") == []
    assert stage.json("ENTRYPOINT")[0].startswith("/opt/detector/bin/")
    assert stage.json("CMD")
    order = [instruction for instruction, _ in stage.steps]
    assert order.index("USER") > max(at for at, one in enumerate(order) if one == "COPY")


def test_what_an_image_starts_is_in_it() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert stages()["command"].json("ENTRYPOINT")[0].rpartition("/")[2] in scripts["scripts"]
    [module] = stages()["function"].json("CMD")
    path, _, function = module.partition(".")
    [copied] = [rest.split() for rest in stages()["function"].all("COPY") if rest.endswith(f"/{path}.py")]
    assert callable(runpy.run_path(str(ROOT / copied[0]))[function])
    client = stages()["function"].json("ENTRYPOINT")[-1]
    assert any(one.startswith(client) for one in scripts["optional-dependencies"]["function"])
    assert ".[function]" in " ".join(stages()["build-function"].all("RUN"))


def test_the_health_of_a_container_is_that_watch_has_written_its_metrics_lately(tmp_path: Path) -> None:
    _, *arguments = stages()["command"].json("HEALTHCHECK")
    [variables] = stages()["command"].all("ENV")
    [name] = [one.partition("=")[0] for one in variables.split() if one.startswith("DETECTOR_")]
    metrics = tmp_path / "detector.prom"

    def health() -> int:
        asked = [sys.executable, "-I", *arguments]
        return subprocess.run(asked, env={name: str(metrics)}, capture_output=True, check=False).returncode

    assert health() != 0
    metrics.touch()
    assert health() == 0
    os.utime(metrics, (0, 0))
    assert health() != 0
    assert f"-{name.removeprefix('DETECTOR_').lower()}" in (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")


def test_the_operations_page_names_every_file() -> None:
    for path in (path for path in DEPLOY.rglob("*") if path.is_file()):
        assert str(path.relative_to(ROOT)) in OPERATIONS, path


# The job for EMR Serverless -------------------------------------------------------------------------------------------


def emr_job() -> dict[str, Any]:
    job: dict[str, Any] = json.loads((DEPLOY / "emr/job.json").read_text(encoding="utf-8"))
    return job


def test_emr_takes_the_job() -> None:
    asked_for = botocore.session.Session().get_service_model("emr-serverless").operation_model("StartJobRun")
    assert asked_for.input_shape is not None
    given = emr_job() | {"clientToken": "made-by-the-client"}
    report = botocore.validate.ParamValidator().validate(given, asked_for.input_shape)
    assert not report.has_errors(), report.generate_report()


def test_the_jobs_command_is_one_that_the_program_takes() -> None:
    submit = emr_job()["jobDriver"]["sparkSubmit"]
    name, *arguments = submit["entryPointArguments"]
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    command = program.commands[name]
    context = command.make_context(name, arguments)
    assert context.params["engine"] == "spark"
    executors = int(submit["sparkSubmitParameters"].rpartition("maxExecutors=")[2])
    assert context.params["jobs"] == 4 * executors, "as many tasks as cores"


def test_what_the_job_names_is_in_its_image() -> None:
    image = stages("emr/Dockerfile")["emr"]
    submit = emr_job()["jobDriver"]["sparkSubmit"]
    [source, target] = image.all("COPY")[-1].split()
    assert submit["entryPoint"] == f"local://{target}"
    assert runpy.run_path(str(ROOT / source))["main"].__module__ == "detector.__main__"
    pythons = set(re.findall(r"PYTHON=(\S+)", submit["sparkSubmitParameters"]))
    assert pythons == {"/opt/detector/bin/python"}
    made, installed = image.all("RUN")
    minimum = re.search(r'requires-python = ">=([0-9.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert minimum is not None
    assert f"python{minimum[1]} -m venv /opt/detector" in made
    assert " pandas" in installed, "Spark's data frames do not reach Python without it"
    assert image.all("USER")[-1] == "hadoop:hadoop"
