"""What AWS asks for reading: list prices, as data. Nobody is asked for them at run time.

Source: the pages "Amazon S3 pricing", "AWS Key Management Service pricing" and "Amazon EC2 On-Demand Pricing"
(c7i, Linux), region us-east-1, as they were written down on the day below. Discounts, other regions, transfer out of
AWS and the restoration of archived objects are not in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

WRITTEN_DOWN: Final = date(2026, 11, 29)
WHERE: Final = "us-east-1"

LIST_DOLLARS: Final = 0.005 / 1_000
KMS_DOLLARS: Final = 0.03 / 10_000
VCPU_HOUR_DOLLARS: Final = 2.856 / 64  # c7i.16xlarge


@dataclass(frozen=True, slots=True)
class ClassPrice:
    """What it costs to read objects of one storage class."""

    get_dollars: float  # a request
    retrieval_dollars: float = 0.0  # a GB of 10⁹ bytes


_STANDARD: Final = ClassPrice(0.0004 / 1_000)
_BY_CLASS: Final[Mapping[str, ClassPrice]] = MappingProxyType(
    {
        "STANDARD_IA": ClassPrice(0.001 / 1_000, 0.01),
        "ONEZONE_IA": ClassPrice(0.001 / 1_000, 0.01),
        "GLACIER_IR": ClassPrice(0.01 / 1_000, 0.03),
    }
)


def price_of(storage_class: str | None) -> ClassPrice:
    """Return the prices of a class; those of STANDARD where it is unknown, or no dearer to read."""
    return _BY_CLASS.get(storage_class or "", _STANDARD)


def price_note() -> str:
    """Say which prices these are."""
    return f"list prices of {WHERE}, written down {WRITTEN_DOWN}; transfer out of AWS not in it"
