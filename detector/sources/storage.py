"""How S3 keeps an object: what a class, and the state of its restoration, say about reading it.

Source: "Understanding and managing Amazon S3 storage classes", "Working with archived objects", Amazon S3 User Guide;
"RestoreStatus", Amazon S3 API Reference.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from detector.sources.log_source import Storage, archived_text

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectTypeDef

ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})  # GLACIER_IR is read at once
ARCHIVE_TIERS: Final = frozenset({"ARCHIVE", "DEEP_ARCHIVE"})  # of INTELLIGENT_TIERING
_LONGEST: Final = 40  # characters of S3's words


def storage_of(item: ObjectTypeDef) -> Storage:
    """Return how an object is kept, from its entry in a listing that was asked for the state of its restoration."""
    restoring = item.get("RestoreStatus") or {}
    return _listed(
        item.get("StorageClass", "STANDARD")[:_LONGEST],
        is_restored=restoring.get("RestoreExpiryDate") is not None,
        is_being_restored=restoring.get("IsRestoreInProgress", False),
    )


# So few differ that millions of objects share them.
@lru_cache(maxsize=256)
def _listed(storage_class: str, *, is_restored: bool, is_being_restored: bool) -> Storage:
    if storage_class not in ARCHIVES or is_restored:
        return Storage(storage_class)
    if is_being_restored:
        return Storage(storage_class, archived=archived_text(storage_class, "it is being restored, read it later"))
    return Storage(storage_class, archived=archived_text(storage_class))


@lru_cache(maxsize=256)
def storage_in_inventory(
    storage_class: str | None, tier: str | None, encryption: str | None, bucket_key: str | None
) -> Storage:
    """Return how an object was kept when an inventory was made; it does not say what was restored.

    Args:
        storage_class: as the inventory has it, as are the others; None where it has no such column.
        tier: of INTELLIGENT_TIERING.
        encryption: with which kind of key.
        bucket_key: ENABLED where many objects share a call of KMS.
    """
    tier = tier if tier in ARCHIVE_TIERS else None
    named = storage_class and storage_class[:_LONGEST]
    archive = named if named in ARCHIVES else tier and f"{named or 'INTELLIGENT_TIERING'}, {tier}"
    reason = archive and archived_text(archive, "restore it first, then name its bucket as s3://BUCKET/PREFIX")
    return Storage(named, encryption and encryption[:_LONGEST], bucket_key == "ENABLED", reason)
