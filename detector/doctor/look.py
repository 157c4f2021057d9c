"""What a first look at a source and a plan of its cost have in common: who looks, and what lies there."""

from __future__ import annotations

from time import monotonic
from typing import Final

from detector.doctor.findings import Check, Status
from detector.errors import CredentialsError
from detector.scope import Scope
from detector.sources.evidence import EvidenceSource
from detector.sources.inventory import InventorySource
from detector.sources.s3 import S3Source
from detector.sources.survey import Survey, survey_listed
from detector.text import counted

# A listing of so many objects is a matter of seconds; of more, some days are counted.
LISTED_WHOLE: Final = 20_000


def bucket_of(source: EvidenceSource) -> S3Source | None:
    """Return the bucket that a source reads from; None of a copy on a disk."""
    if isinstance(source, InventorySource):
        return source.bucket
    return source if isinstance(source, S3Source) else None


def who(bucket: S3Source) -> Check:
    """Return who reads."""
    try:
        account, arn = bucket.caller()
    except CredentialsError as error:
        return Check("who", Status.NOTE, f"unknown: {error}", error.hint or None)
    return Check("who", Status.OK, f"{arn}, account {account}", None, {"arn": arn, "account": account})


def inventory(source: InventorySource) -> Check:
    """Return what an inventory lists, and what it cannot."""
    said = f"{source.bucket.root} in {counted(source.files, 'file')}; not in it: what was {source.caveat}"
    facts = {"bucket": source.bucket.root, "begun": f"{source.begun:%Y-%m-%dT%H:%M:%SZ}", "files": source.files}
    return Check("inventory", Status.OK, said, None, facts)


def look(source: EvidenceSource, scope: Scope, listed_whole: int | None) -> Survey:
    """Return what lies in a source; of a large bucket an estimate.

    Args:
        source: to look at.
        scope: of it.
        listed_whole: objects of a bucket up to which everything is listed; None: however many there are. Copies and
            inventories are always listed to their end.

    Raises:
        CredentialsError: AWS refuses the credentials as a whole.
        SourceError: the source cannot be listed at all.
    """
    survey, began = Survey(), monotonic()
    bucket = source if isinstance(source, S3Source) else None
    is_whole = survey_listed(source.list(scope), survey, listed_whole if bucket else None)
    if bucket and not is_whole:
        survey, began = Survey(), monotonic()
        bucket.sample(scope, survey)
    elif bucket:
        # The listing does not count its own requests: one for each folder of a region and thousand objects.
        survey.requests = len(survey.days) + round(survey.objects.value) // 1_000 + 1
    if isinstance(source, InventorySource):
        del survey.others[source.caveat]  # which `inventory` says
    survey.list_seconds = monotonic() - began
    return survey
