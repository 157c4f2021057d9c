"""What lies in deploy/ is held against the program and, as far as can be done without AWS, against its own tools."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import hcl2
import pytest
import typer
from cfnlint.api import lint_file
from typer.core import TyperGroup

from detector.cli.app import app

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


def test_the_documented_policy_is_part_of_the_readers() -> None:
    page = (ROOT / "docs/reference/permissions.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```json\n(\{\n  \"Version\".*?)```", page, re.DOTALL)
    assert actions(json.loads(shown)) == READ_THE_TRAIL | {"kms:Decrypt"}


# The queue ------------------------------------------------------------------------------------------------------------


def test_the_cloudformation_template_is_sound() -> None:
    assert [str(match) for match in lint_file(DEPLOY / "queue.yaml")] == []
    template = load_template()
    queue = template["Resources"]["Queue"]["Properties"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
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


def load_template() -> dict[str, Any]:
    """The template without what CloudFormation's short forms (`!Ref`) stand for."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Takes `!Anything` as text."""

    Loader.add_multi_constructor("!", lambda _loader, suffix, _node: suffix)
    loaded: dict[str, Any] = yaml.load((DEPLOY / "queue.yaml").read_text(encoding="utf-8"), Loader)
    return loaded


def test_the_terraform_file_says_the_same() -> None:
    text = (DEPLOY / "queue.tf").read_text(encoding="utf-8")
    with (DEPLOY / "queue.tf").open(encoding="utf-8") as file:
        parsed = hcl2.load(file)
    kinds = {kind.strip('"') for resource in parsed["resource"] for kind in resource if kind != "__is_block__"}
    assert kinds >= {
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
    template = load_template()["Resources"]["Queue"]["Properties"]
    assert f"visibility_timeout_seconds = {template['VisibilityTimeout']}" in text
    assert f"maxReceiveCount     = {template['RedrivePolicy']['maxReceiveCount']}" in text


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


def test_the_image_is_built_from_the_checkout_and_does_not_run_as_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    copied = [source for name, rest in steps if name == "COPY" and "--from" not in rest for source in rest.split()[:-1]]
    assert copied
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in let_in
    assert [rest for name, rest in steps if name == "USER"] == ["10001"]
    assert ["ENTRYPOINT", '["detector"]'] in steps
    minimum = re.search(r'requires-python = ">=([0-9.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert minimum is not None
    assert {rest.split()[0] for name, rest in steps if name == "FROM"} == {f"python:{minimum[1]}-slim"}


def test_the_operations_page_names_every_file() -> None:
    for path in (path for path in DEPLOY.rglob("*") if path.is_file()):
        assert str(path.relative_to(ROOT)) in OPERATIONS, path
