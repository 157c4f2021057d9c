"""A first look at a source: what lies there, and what comes of reading a little of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from time import monotonic
from typing import Final

from detector.doctor.findings import Check, Status, Trial, findings
from detector.errors import CredentialsError
from detector.scan.worker import ScanBatch, prefilter_batch
from detector.scope import Scope
from detector.sources.evidence import EvidenceSource
from detector.sources.log_source import Unreadable
from detector.sources.s3 import S3Source
from detector.sources.survey import Survey, survey_listed

# A listing of so many objects is a matter of seconds; of more, some days are counted.
LISTED_WHOLE: Final = 20_000
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
    if isinstance(source, S3Source):
        yield _who(source)
    survey = _survey(source, scope, listed_whole)
    yield from findings(survey, _try(source, survey), today)


def _who(source: S3Source) -> Check:
    try:
        account, arn = source.caller()
    except CredentialsError as error:
        return Check("who", Status.NOTE, f"unknown: {error}", error.hint or None)
    return Check("who", Status.OK, f"{arn}, account {account}", None, {"arn": arn, "account": account})


def _survey(source: EvidenceSource, scope: Scope, listed_whole: int) -> Survey:
    survey, began = Survey(), monotonic()
    is_bucket = isinstance(source, S3Source)
    is_whole = survey_listed(source.list(scope), survey, listed_whole if is_bucket else None)
    if isinstance(source, S3Source) and not is_whole:
        survey, began = Survey(), monotonic()
        source.sample(scope, survey)
    elif is_bucket:
        # The listing does not count its own requests: one for each folder of a region and thousand objects.
        survey.requests = len(survey.days) + round(survey.objects.value) // 1_000 + 1
    survey.list_seconds = monotonic() - began
    return survey


def _try(source: EvidenceSource, survey: Survey) -> Trial:
    """Read the sample, as a scan would; ask how some of it is encrypted, and whether a digest is signed."""
    if not survey.sample:
        return _with_digest(source, survey, Trial(0, 0, 0))
    began = monotonic()
    result = prefilter_batch(ScanBatch(tuple(survey.sample), source.reader(), ()))
    seconds = monotonic() - began
    encryptions: Counter[str] = Counter()
    if isinstance(source, S3Source):
        some = survey.sample[:_ENCRYPTIONS_ASKED]
        encryptions.update(how for one in some if (how := source.encryption(one.uri)))
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
