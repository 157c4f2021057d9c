"""What compaction keeps apart is all that detection reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb

from detector.records.log_file import decode_log_file
from detector.rules.candidate_events import read_candidate_events
from detector.rules.candidates import candidates
from detector.rules.events import TableEvents
from detector.rules.rule import shipped_rules_directory

ROOT = {"type": "Root", "arn": "arn:aws:iam::111122223333:root"}
ALICE = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice"}
CHECK = {"eventSource": "s3.amazonaws.com", "eventName": "GetBucketAcl", "requestParameters": {"bucketName": "logs"}}


def wanted(*calls: dict[str, Any], definitions: Path | None = None) -> list[int]:
    """The positions of the calls that are kept apart."""
    records = [
        {"eventTime": "2026-03-01T09:00:00Z", "eventID": f"{number:08d}-0000-4000-8000-000000000000", **call}
        for number, call in enumerate(calls)
    ]
    table = decode_log_file(json.dumps({"Records": records}).encode(), "s3://b/k").table
    with duckdb.connect() as connection:
        TableEvents(table).attach(connection)
        connection.execute(candidates(definitions).sql)
        rows = connection.execute("SELECT logFileIndex FROM wanted_rows ORDER BY ALL").fetchall()
    return [index for (index,) in rows]


def test_candidates_and_cloudtrails_checks_of_buckets_are_kept_each_once() -> None:
    check = {**CHECK, "userIdentity": {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}}
    both = {**CHECK, "userIdentity": {**ROOT, "invokedBy": "cloudtrail.amazonaws.com"}}
    another = {**CHECK, "userIdentity": {"type": "AWSService", "invokedBy": "config.amazonaws.com"}}
    call = {"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"}
    assert wanted(
        {**call, "userIdentity": ROOT},
        check,
        both,
        another,
        {**call, "userIdentity": ALICE},
        {**CHECK, "userIdentity": ALICE},
        {**check, "eventName": "GetBucketPolicy"},
        {**check, "eventID": f"{1:08d}-0000-4000-8000-000000000000"},  # a further copy
    ) == [0, 1, 2]


def test_a_name_on_the_list_is_wanted_in_sql_and_in_python(tmp_path: Path) -> None:
    views = tmp_path / "_views"
    shutil.copytree(shipped_rules_directory() / "_views", views)
    names = views / "candidate_events.toml"
    names.write_text(names.read_text().replace("kms = [", 'kms = ["EnableKey", '))
    call = {"eventSource": "kms.amazonaws.com", "eventName": "EnableKey", "userIdentity": ALICE}
    assert wanted(call) == []
    assert wanted(call, definitions=tmp_path) == [0]
    assert not read_candidate_events(shipped_rules_directory() / "_views").may_hold("kms.amazonaws.com", "EnableKey")
    assert read_candidate_events(views).may_hold("kms.amazonaws.com", "EnableKey")


def test_another_definition_has_another_digest(tmp_path: Path) -> None:
    shutil.copytree(shipped_rules_directory() / "_views", tmp_path / "_views")
    assert candidates(tmp_path) == candidates()
    (tmp_path / "_views" / "99_later.sql").write_text("-- what comes after the candidates does not matter")
    assert candidates(tmp_path).digest == candidates().digest
    (rows,) = (tmp_path / "_views").glob("*_candidate_rows.table.sql")
    rows.write_text(rows.read_text().replace("'cloudtrail.'", "'trail.'"))
    assert candidates(tmp_path).digest != candidates().digest
