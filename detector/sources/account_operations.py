"""Every call that is ever made about an account's settings: all of them only read.

Apart from what makes the calls, so that a test can hold the list against them.
"""

from __future__ import annotations

from typing import Final

# Each needs the permission of its own name. Making the credential report changes nothing but the report.
OPERATIONS: Final = frozenset(
    {
        "account:GetAlternateContact",
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
        "iam:GenerateCredentialReport",
        "iam:GetAccountSummary",
        "iam:GetCredentialReport",
        "iam:ListEntitiesForPolicy",
        "iam:ListOrganizationsFeatures",
        "iam:ListRoles",
        "iam:ListVirtualMFADevices",
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "sts:AssumeRole",
    }
)
