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
