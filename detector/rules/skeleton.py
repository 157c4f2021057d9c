"""The beginning of a rule: a rule file and its examples, which pass `detector rules check` as they are."""

from __future__ import annotations

import json
from typing import Any

from detector.errors import UsageError
from detector.rules.rule import is_rule_id

_RULE = '''\
-- /// rule
-- title = "{title}"
-- severity = "medium"
-- confidence = "medium"
-- attack = ["TA0003:T1136.003"]
-- description = """
-- What happened, and why it matters. (Here: root made an IAM user.)
-- """
-- response = """
-- 1. Whom to ask.
-- 2. What to do when nobody expected it.
-- """
-- false_positives = ["When this is as it should be."]
-- references = []
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'root made the user ' || coalesce(TRY(requestParameters ->> 'userName'), 'unknown') || ' in account '
    || coalesce(account_id, 'unknown') AS summary,
    source_ip
FROM root_api_calls
WHERE
    service = 'iam'
    AND event_name = 'CreateUser'
    AND succeeded
'''
_RECORD: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "Root",
        "principalId": "111122223333",
        "arn": "arn:aws:iam::111122223333:root",
        "accountId": "111122223333",
        "accessKeyId": "ASIAEXAMPLE",
    },
    "eventTime": "2026-03-01T09:00:00Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateUser",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "aws-cli/2",
    "requestParameters": {"userName": "alice"},
    "responseElements": {"user": {"userName": "alice"}},
    "eventID": "6e9cdd5c-1c5a-4b6e-8a83-7a1d5f0c2b11",
    "readOnly": False,
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": "111122223333",
    "eventCategory": "Management",
}
# One that fires, and a near miss for each condition.
_EXAMPLES: list[dict[str, Any]] = [
    {
        "name": "root makes a user",
        "alerts": 1,
        "severity": "medium",
        "summary": "root made the user alice in account 111122223333",
        "records": ["call"],
    },
    {"name": "denied", "alerts": 0, "records": [{"like": "call", "errorCode": "AccessDenied"}]},
    {"name": "another call", "alerts": 0, "records": [{"like": "call", "eventName": "CreateGroup"}]},
    {
        "name": "another service",
        "alerts": 0,
        "records": [{"like": "call", "eventSource": "connect.amazonaws.com"}],
    },
    {
        "name": "not root",
        "alerts": 0,
        "records": [{"like": "call", "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob"}}],
    },
]


def skeleton(rule_id: str) -> dict[str, str]:
    """Return the texts of a new rule's two files, by their names.

    Raises:
        UsageError: it cannot be the id of a rule.
    """
    if not is_rule_id(rule_id):
        raise UsageError(
            f"{rule_id!r} cannot be the id of a rule", hint="lower case with underscores, such as root_made_a_user"
        )
    title = rule_id.replace("_", " ").capitalize()
    examples = {"records": {"call": _RECORD}, "examples": _EXAMPLES}
    return {
        f"{rule_id}.sql": _RULE.format(title=title),
        f"{rule_id}.examples.json": json.dumps(examples, indent=2, ensure_ascii=False) + "\n",
    }
