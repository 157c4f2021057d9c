"""AWS partitions: which regions are theirs, and where each records root's sign-ins.

As in botocore's endpoint data, which names the region of IAM for most of them. queries/_views/00_macros.sql says the
same in SQL; a test holds the three together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition."""

    name: str
    region_prefix: str
    sign_in_region: str  # records IAM's calls and the sign-ins that have no region


PARTITIONS: Final = (
    Partition("aws-cn", "cn-", "cn-north-1"),
    Partition("aws-us-gov", "us-gov-", "us-gov-west-1"),
    Partition("aws-iso", "us-iso-", "us-iso-east-1"),
    Partition("aws-iso-b", "us-isob-", "us-isob-east-1"),
    Partition("aws-iso-f", "us-isof-", "us-isof-south-1"),
    Partition("aws-iso-e", "eu-isoe-", "eu-isoe-west-1"),
    Partition("aws-eusc", "eusc-", "eusc-de-east-1"),
)
COMMERCIAL: Final = Partition("aws", "", "us-east-1")
# The compass words matter: a folder `my-logs-1` must not be taken for a region and left out by --region.
REGION_PATTERN: Final = (
    r"[a-z]{2,4}(?:-[a-z]{2,5})?-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-[0-9]{1,2}"
)
_REGION: Final = re.compile(REGION_PATTERN)


def is_region(text: str) -> bool:
    """Tell whether text has the form of a region's name."""
    return _REGION.fullmatch(text) is not None


def partition_of(region: str | None) -> str:
    """Return the partition of a region; that of most when it is not known."""
    return next((one.name for one in PARTITIONS if (region or "").startswith(one.region_prefix)), COMMERCIAL.name)


def sign_in_region(partition: str) -> str:
    """Return where a partition records IAM's calls and root's sign-ins; us-east-1 for one that is not known."""
    return next((one.sign_in_region for one in PARTITIONS if one.name == partition), COMMERCIAL.sign_in_region)
