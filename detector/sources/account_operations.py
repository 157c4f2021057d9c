"""Every call that is ever made about an account's settings: all of them only read.

Apart from what makes the calls, so that a test can hold the list against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

# Making the credential report changes nothing but the report; the sessions of the last two only read, too.
OPERATIONS: Final = frozenset(
    {
        "account:GetAlternateContact",
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
        "cloudwatch:DescribeAlarms",
        "events:ListRules",
        "guardduty:GetDetector",
        "guardduty:ListDetectors",
        "iam:GenerateCredentialReport",
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountSummary",
        "iam:GetCredentialReport",
        "iam:GetLoginProfile",
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:ListEntitiesForPolicy",
        "iam:ListMFADevices",
        "iam:ListOrganizationsFeatures",
        "iam:ListRoles",
        "iam:ListVirtualMFADevices",
        "logs:DescribeMetricFilters",
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "s3:GetBucketLifecycleConfiguration",
        "s3:GetBucketPolicy",
        "s3:GetBucketVersioning",
        "s3:GetObjectLockConfiguration",
        "s3:GetPublicAccessBlock",
        "sts:AssumeRole",
        "sts:AssumeRoot",
    }
)

# Made in a session of AssumeRoot alone, whose own policy allows them.
OF_ROOT: Final = frozenset(
    {
        "iam:GetAccessKeyLastUsed",
        "iam:GetLoginProfile",
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:ListMFADevices",
    }
)

# What an answer brings, one of these at least, be it an empty list; without it nothing is answered. A bucket that never
# had versions has no status, and that a report is being made tells nothing.
BRINGS: Final[Mapping[str, frozenset[str]]] = {
    "account:GetAlternateContact": frozenset({"AlternateContact"}),
    "cloudtrail:DescribeTrails": frozenset({"trailList"}),
    "cloudtrail:GetEventSelectors": frozenset({"EventSelectors", "AdvancedEventSelectors"}),
    "cloudtrail:GetTrailStatus": frozenset({"IsLogging"}),
    "cloudwatch:DescribeAlarms": frozenset({"MetricAlarms"}),
    "events:ListRules": frozenset({"Rules"}),
    "guardduty:GetDetector": frozenset({"Status"}),
    "guardduty:ListDetectors": frozenset({"DetectorIds"}),
    "iam:GetAccessKeyLastUsed": frozenset({"AccessKeyLastUsed"}),
    "iam:GetAccountSummary": frozenset({"SummaryMap"}),
    "iam:GetCredentialReport": frozenset({"Content"}),
    "iam:GetLoginProfile": frozenset({"LoginProfile"}),
    "iam:GetUser": frozenset({"User"}),
    "iam:ListAccessKeys": frozenset({"AccessKeyMetadata"}),
    "iam:ListEntitiesForPolicy": frozenset({"PolicyUsers", "PolicyGroups", "PolicyRoles"}),
    "iam:ListMFADevices": frozenset({"MFADevices"}),
    "iam:ListOrganizationsFeatures": frozenset({"EnabledFeatures", "OrganizationId"}),
    "iam:ListRoles": frozenset({"Roles"}),
    "iam:ListVirtualMFADevices": frozenset({"VirtualMFADevices"}),
    "logs:DescribeMetricFilters": frozenset({"metricFilters"}),
    "organizations:DescribeOrganization": frozenset({"Organization"}),
    "organizations:ListAccounts": frozenset({"Accounts"}),
    "s3:GetBucketLifecycleConfiguration": frozenset({"Rules"}),
    "s3:GetBucketPolicy": frozenset({"Policy"}),
    "s3:GetObjectLockConfiguration": frozenset({"ObjectLockConfiguration"}),
    "s3:GetPublicAccessBlock": frozenset({"PublicAccessBlockConfiguration"}),
    "sts:AssumeRole": frozenset({"Credentials"}),
    "sts:AssumeRoot": frozenset({"Credentials"}),
}

# Where it is not the call's own name. Source: "Actions, resources, and condition keys for Amazon S3".
_PERMISSIONS: Final[Mapping[str, str]] = {
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}


def permission_of(operation: str) -> str:
    """Return the permission that a call needs."""
    return _PERMISSIONS.get(operation, operation)


def policy_allowing(operations: Iterable[str]) -> dict[str, object]:
    """Return a policy that allows calls, to be copied."""
    actions = sorted({permission_of(one) for one in operations})
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
