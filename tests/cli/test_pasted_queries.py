"""Queries in the words of Athena, CloudTrail Lake and Tailpipe, pasted behind `detector sql`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.running import LOGIN, Run, write_log

ACCOUNT = "111122223333"
OPS = f"arn:aws:iam::{ACCOUNT}:role/Ops"
STORE = "0f8e7d6c-1111-4222-8333-9a8b7c6d5e4f"
CREATE_USER: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "accountId": ACCOUNT,
        "accessKeyId": "AKIAALICE",
        "userName": "alice",
    },
    "eventTime": "2025-03-04T10:00:00Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateUser",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "aws-cli/2",
    "requestParameters": {"userName": "mallory", "path": "/from here/"},
    "responseElements": {"user": {"userName": "mallory", "user-id": "AIDAMALLORY"}},
    "eventID": "7d1f7c1e-0002-4c6e-9a40-0d6f0d7b7a11",
    "readOnly": False,
    "eventType": "AwsApiCall",
    "recipientAccountId": ACCOUNT,
    "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
}
OPENED = CREATE_USER | {
    "eventTime": "2025-03-05T23:30:00Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "AuthorizeSecurityGroupIngress",
    "awsRegion": "eu-central-1",
    "requestParameters": {
        "groupId": "sg-1",
        "ipPermissions": {
            "items": [{"fromPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}, {"fromPort": 443}]
        },
    },
    "responseElements": None,
    "eventID": "7d1f7c1e-0003-4c6e-9a40-0d6f0d7b7a11",
    "tlsDetails": {"tlsVersion": "TLSv1.0"},
}
ASSUMED = CREATE_USER | {
    "userIdentity": {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops/night",
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": OPS, "userName": "Ops"},
            "attributes": {"creationDate": "2025-03-05T08:00:00Z", "mfaAuthenticated": "false"},
        },
    },
    "eventTime": "2025-03-05T08:15:00Z",
    "eventSource": "sts.amazonaws.com",
    "eventName": "AssumeRole",
    "requestParameters": {"roleArn": OPS},
    "responseElements": None,
    "resources": [{"ARN": OPS, "accountId": ACCOUNT, "type": "AWS::IAM::Role"}],
    "eventID": "7d1f7c1e-0004-4c6e-9a40-0d6f0d7b7a11",
    "readOnly": True,
}
DENIED = ASSUMED | {
    "eventTime": "2025-03-05T08:16:00Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "errorCode": "AccessDenied",
    "requestParameters": {"bucketName": "books", "key": "2025/march.csv"},
    "resources": [],
    "eventID": "7d1f7c1e-0005-4c6e-9a40-0d6f0d7b7a11",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from detector import Lake

    folder = tmp_path_factory.mktemp("pasted")
    write_log(folder / "logs" / "log.json.gz", LOGIN, CREATE_USER, OPENED, ASSUMED, DENIED)
    Lake(folder / "lake").ingest(folder / "logs")
    return folder / "lake"


ATHENA: dict[str, tuple[str, list[list[object]]]] = {
    "partitions by year, month and day": (
        "SELECT eventtime, eventname FROM cloudtrail_logs WHERE region = 'us-east-1' AND account = '111122223333' "
        "AND year = '2025' AND month = '03' AND day = '04' AND readonly = 'false' ORDER BY eventtime;",
        [["2025-03-04T09:52:10Z", "ConsoleLogin"], ["2025-03-04T10:00:00Z", "CreateUser"]],
    ),
    "partition projection, in a database": (
        """SELECT count(*) FROM "trails"."cloudtrail_logs_pp" WHERE "timestamp" > '2025/03/04'""",
        [[3]],
    ),
    "the default database, and a name of the query's own": (
        "WITH cloudtrail_denials AS (SELECT useridentity.sessioncontext.sessionissuer.username AS role, "
        "json_extract_scalar(requestparameters, '$.bucketName') AS bucket FROM default.cloudtrail_logs "
        "WHERE errorcode = 'AccessDenied') SELECT role, bucket FROM cloudtrail_denials",
        [["Ops", "books"]],
    ),
    "a table of one account": (
        "SELECT resources[1].arn, element_at(resources, -1).type FROM cloudtrail_111122223333 "
        "WHERE cardinality(resources) > 0",
        [[OPS, "AWS::IAM::Role"]],
    ),
    "JSON within JSON": (
        """SELECT json_extract_scalar(json_extract(responseelements, '$.user'), '$["user-id"]') AS id,
                  json_extract_scalar(responseelements, '$.user') AS no_scalar
           FROM cloudtrail_logs WHERE json_extract_scalar(responseelements, '$.user.userName') = 'mallory'""",
        [["AIDAMALLORY", None]],
    ),
    "a window of time": (
        "SELECT eventname FROM cloudtrail_logs WHERE from_iso8601_timestamp(eventtime) > "
        "date_add('hour', -1, timestamp '2025-03-05 08:16:00 UTC') AND eventtime < "
        "date_format(date_add('minute', 1, parse_datetime('2025-03-05T08:15:00Z', 'yyyy-MM-dd''T''HH:mm:ss''Z')), "
        "'%Y-%m-%dT%H:%i:%sZ')",
        [["AssumeRole"]],
    ),
    "a list in JSON, a row for each": (
        "SELECT json_extract_scalar(permission, '$.fromPort') AS port FROM cloudtrail_logs "
        "CROSS JOIN UNNEST(CAST(json_extract(requestparameters, '$.ipPermissions.items') AS ARRAY(JSON))) "
        "AS t (permission) WHERE regexp_like(eventname, '^Authorize.*Ingress$') ORDER BY 1",
        [["22"], ["443"]],
    ),
    "functions of lists": (
        "SELECT array_join(transform(filter(split(useridentity.arn, ':'), part -> length(part) > 0), "
        "part -> upper(part)), '/') FROM cloudtrail_logs WHERE eventname = 'CreateUser'",
        [["ARN/AWS/IAM/111122223333/USER/ALICE"]],
    ),
    "aggregates": (
        "SELECT day_of_week(from_iso8601_timestamp(eventtime)) AS day, approx_distinct(eventname), "
        "count_if(errorcode IS NOT NULL), count(*) FILTER (WHERE awsregion = 'us-east-1') FROM cloudtrail_logs "
        "GROUP BY 1 ORDER BY 1",
        [[2, 2, 0, 2], [3, 3, 1, 2]],
    ),
    "text": (
        "SELECT replace(tlsdetails.tlsversion, 'TLSv'), regexp_replace(eventname, '([A-Z])', '-$1'), "
        "regexp_extract(eventname, 'Nothing') FROM cloudtrail_logs WHERE "
        "CAST(replace(tlsdetails.tlsversion, 'TLSv', '') AS DOUBLE) < 1.2 -- FROM cloudtrail_logs",
        [["1.0", "-Authorize-Security-Group-Ingress", None]],
    ),
}
CLOUDTRAIL_LAKE: dict[str, tuple[str, list[list[object]]]] = {
    "an event data store by its id": (
        f"SELECT element_at(requestParameters, 'userName') AS name FROM {STORE} "
        "WHERE eventTime > '2025-03-04 00:00:00' AND element_at(requestParameters, 'path') = '/from here/'",
        [["mallory"]],
    ),
    "an event data store by its ARN": (
        f"""SELECT userIdentity.type FROM "arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/{STORE}" """
        "WHERE Element_At(additionalEventData, 'MFAUsed') = 'No'",
        [["Root"]],
    ),
    "a placeholder left as it was, and roles that assume themselves": (
        "SELECT eventName FROM <event_data_store_id> WHERE userIdentity.sessioncontext.sessionissuer.arn = "
        "element_at(resources, 1\n).arn",
        [["AssumeRole"]],
    ),
    "the whole record": (
        "SELECT json_extract_scalar(eventjson, '$.requestParameters.ipPermissions.items[0].ipRanges.items[0].cidrIp'), "
        "json_extract_scalar(eventJson, '$.eventTime') FROM $EDS_ID WHERE eventname = 'AuthorizeSecurityGroupIngress'",
        [["0.0.0.0/0", "2025-03-05T23:30:00Z"]],
    ),
    "an object kept as text": (
        "SELECT json_extract_scalar(json_array_get(json_extract(element_at(requestParameters, 'ipPermissions'), "
        f"""'$.items'), -1), '$.fromPort') FROM "{STORE}" WHERE element_at(requestParameters, 'ipPermissions') """
        "LIKE '%0.0.0.0/0%'",
        [["443"]],
    ),
    "stores joined": (
        f"SELECT later.eventName FROM {STORE} AS first JOIN {STORE} AS later ON later.userIdentity.arn = "
        "first.userIdentity.arn AND later.eventTime > first.eventTime WHERE first.eventName = 'CreateUser' "
        "AND first.sessionCredentialFromConsole IS NULL AND first.readOnly = false",
        [["AuthorizeSecurityGroupIngress"]],
    ),
}
TAILPIPE: dict[str, tuple[str, list[list[object]]]] = {
    "names within names": (
        "select user_identity.session_context.session_issuer.user_name as role, "
        "user_identity.session_context.attributes.mfa_authenticated from aws_cloudtrail_log "
        "where event_name = 'AssumeRole';",
        [["Ops", "false"]],
    ),
    "JSON": (
        "select request_parameters ->> 'groupId', tls_details.tls_version from aws_cloudtrail_log "
        "where (request_parameters -> 'ipPermissions' -> 'items' -> 0 -> 'fromPort') = '22'",
        [["sg-1", "TLSv1.0"]],
    ),
    "its own columns": (
        "select tp_source_ip, tp_usernames, tp_akas from aws_cloudtrail_log "
        "where tp_date = '2025-03-05' and tp_index = '111122223333' and not read_only",
        [["198.51.100.7", ["alice", "AKIAALICE"], None]],
    ),
    "a list in JSON, a row for each": (
        "select item ->> 'fromPort' from (select unnest(from_json(request_parameters -> 'ipPermissions' -> 'items', "
        "'[\"JSON\"]')) as item from aws_cloudtrail_log where error_code is null) order by 1",
        [["22"], ["443"]],
    ),
}
QUERIES = [
    pytest.param(sql, rows, id=f"{dialect}: {name}")
    for dialect, queries in {"Athena": ATHENA, "CloudTrail Lake": CLOUDTRAIL_LAKE, "Tailpipe": TAILPIPE}.items()
    for name, (sql, rows) in queries.items()
]


@pytest.mark.parametrize(("sql", "rows"), QUERIES)
def test_a_pasted_query_gives_the_rows_that_its_dialect_means(
    run: Run, lake: Path, sql: str, rows: list[list[object]]
) -> None:
    result = run("sql", sql, "--lake", lake, "--format", "jsonl")
    assert result.code == 0, result.err
    assert [list(json.loads(line).values()) for line in result.out.splitlines()] == rows


def test_there_are_twenty() -> None:
    assert len(QUERIES) == 20


@pytest.mark.parametrize(
    ("condition", "events"),
    [
        ("any_match(resources, r -> r.type LIKE 'AWS::IAM%' AND r.accountId IS NOT NULL)", 1),
        ("NOT any_match(resources, (r) -> r.type = 'AWS::S3::Object') AND resources IS NOT NULL", 2),
        ("none_match(resources, r -> r.type = 'AWS::IAM::Role') AND eventName = 'GetObject'", 1),
    ],
)
def test_lambdas_ask_about_the_members_of_a_list(run: Run, lake: Path, condition: str, events: int) -> None:
    result = run("sql", f"SELECT count(*) AS n FROM eds-id WHERE {condition}", "--lake", lake, "--format", "jsonl")
    assert json.loads(result.out) == {"n": events}, result.err


@pytest.mark.parametrize("head", ["AS", "AS MATERIALIZED", "as not materialized", "(a) AS"])
def test_a_name_that_the_query_defines_is_its_own(run: Run, lake: Path, head: str) -> None:
    sql = f"WITH cloudtrail_x {head} (SELECT 7 AS a) SELECT a FROM cloudtrail_x, cloudtrail_logs LIMIT 1"
    assert json.loads(run("sql", sql, "--lake", lake, "--format", "jsonl").out) == {"a": 7}


def test_what_is_in_quotes_or_a_comment_is_left_alone(run: Run, lake: Path) -> None:
    said = f"from {STORE}, from cloudtrail_x, replace(a) element_at(b) ->"
    result = run("sql", f"SELECT '{said}' AS said /* FROM {STORE} */ FROM cloudtrail_logs LIMIT 1", "--lake", lake,
                 "--format", "jsonl")  # fmt: skip
    assert json.loads(result.out) == {"said": said}


def test_a_query_that_names_no_table_of_theirs_has_duckdbs_functions(run: Run, lake: Path) -> None:
    sql = "SELECT regexp_replace('aa', 'a', 'b') AS text FROM {}"
    first = run("sql", sql.format("events") + " LIMIT 1", "--lake", lake, "--format", "jsonl")
    all_of_them = run("sql", sql.format("cloudtrail_logs") + " LIMIT 1", "--lake", lake, "--format", "jsonl")
    assert [json.loads(result.out)["text"] for result in (first, all_of_them)] == ["ba", "bb"]
    missing = run("sql", "SELECT json_extract_scalar(requestParameters, '$.x') FROM events", "--lake", lake)
    assert (missing.code, "hint: json_extract_scalar is there in queries over cloudtrail_logs" in missing.err) == (
        2,
        True,
    )
    assert 'hint: columns: "DESCRIBE events"' in run("sql", "SELECT nothing_like(1) FROM events", "--lake", lake).err


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT * FROM cloudtrail_logs) TO '/tmp/out'",
        "SELECT * FROM cloudtrail_logs, read_text('/etc/hostname')",
        "CREATE TABLE cloudtrail_logs AS SELECT 1",
        "SELECT * FROM presto_tables()",
        "SELECT '\udcff' FROM cloudtrail_logs",
        "SELECT 'unterminated FROM cloudtrail_logs",
    ],
)
def test_a_pasted_query_can_do_no_more_than_any_other(run: Run, lake: Path, sql: str) -> None:
    result = run("sql", sql, "--lake", lake)
    assert (result.code, len(result.errors)) == (2, 1)
    assert "unexpected" not in result.err


def test_hostile_json_hides_no_row(run: Run, tmp_path: Path) -> None:
    odd = CREATE_USER | {"requestParameters": "FROM 1", "responseElements": ["x"], "resources": {"ARN": 1},
                         "tlsDetails": 7, "additionalEventData": {"a": "\ud800"}}  # fmt: skip
    write_log(tmp_path / "logs" / "log.json.gz", odd)
    assert run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake").code == 0
    for table in ("cloudtrail_logs", STORE, "aws_cloudtrail_log"):
        result = run("sql", f"SELECT * FROM {table}", "--lake", tmp_path / "lake", "--format", "jsonl")
        assert (result.code, len(result.out.splitlines())) == (0, 1), result.err


def test_json_that_names_a_key_twice_hides_no_row(run: Run, tmp_path: Path) -> None:
    text = json.dumps({"Records": [CREATE_USER]}).replace('"path": ', '"userName": "eve", "$.userName": ')
    (tmp_path / "log.json").write_text(text)
    assert run("ingest", tmp_path / "log.json", "--lake", tmp_path / "lake").code == 0
    sql = f"SELECT element_at(requestParameters, 'userName') AS name FROM {STORE} WHERE requestParameters IS NOT NULL"
    result = run("sql", sql, "--lake", tmp_path / "lake", "--format", "jsonl")
    assert json.loads(result.out)["name"] in ("mallory", "eve"), result.err


def test_show_tables_lists_what_the_page_of_views_describes(run: Run, lake: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/views.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page[: page.index("## Columns")], re.MULTILINE)
    shown = run("sql", "SHOW TABLES", "--lake", lake, "--format", "jsonl").out.splitlines()
    names = {json.loads(line)["name"] for line in shown}
    assert names == set(re.findall(r"`(\w+)`", "".join(rows)))
    # Any other name with the word in it is taken for a table of Athena.
    assert {name for name in names if "cloudtrail" in name} == {"cloudtrail_logs", "aws_cloudtrail_log"}
