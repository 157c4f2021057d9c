"""A first look at a source: what lies there, and what comes of reading a little of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from time import monotonic
from typing import Final

from detector.doctor.findings import Check, Trial, findings
from detector.doctor.look import LISTED_WHOLE, bucket_of, inventory, look, who
from detector.scan.worker import ScanBatch, prefilter_batch
from detector.scope import Scope
from detector.sources.evidence import EvidenceSource
from detector.sources.inventory import InventorySource
from detector.sources.log_source import Unreadable
from detector.sources.survey import Survey

_ENCRYPTIONS_ASKED: Final = 16


def examine(
    source: EvidenceSource, scope: Scope, today: date | None, *, listed_whole: int = LISTED_WHOLE
) -> Iterator[Check]:
    """Yield what is found, as it is found.

    Args:
        source: to look at.
        scope: of it.
        today: as of `findings`.
        listed_whole: objects up to which everything is listed; on a disk everything is.

    Raises:
        CredentialsError: AWS refuses the credentials as a whole.
        SourceError: the source cannot be listed at all.
    """
    if bucket := bucket_of(source):
        yield who(bucket)
    if isinstance(source, InventorySource):
        yield inventory(source)
    survey = look(source, scope, listed_whole)
    yield from findings(survey, _try(source, survey), today)


def _try(source: EvidenceSource, survey: Survey) -> Trial:
    """Read the sample, as a scan would; ask how some of it is encrypted, and whether a digest is signed."""
    if not survey.sample:
        return _with_digest(source, survey, Trial(0, 0, 0))
    began = monotonic()
    result = prefilter_batch(ScanBatch(tuple(survey.sample), source.reader(), ()))
    seconds = monotonic() - began
    encryptions: Counter[str] = Counter()
    if bucket := bucket_of(source):
        some = survey.sample[:_ENCRYPTIONS_ASKED]
        encryptions.update(how for one in some if (how := bucket.encryption(one.uri)))
    trial = Trial(
        len(survey.sample), result.records, seconds, result.failures, result.skipped, dict(encryptions.most_common())
    )
    return _with_digest(source, survey, trial)


def _with_digest(source: EvidenceSource, survey: Survey, trial: Trial) -> Trial:
    if survey.digest is None:
        return trial
    [(_, content)] = source.digest_reader().read_with_metadata([survey.digest])
    if isinstance(content, Unreadable):
        return replace(trial, digest_problem=content.reason)
    return replace(trial, digest_is_signed="signature" in content.metadata)
