"""A plan for a source: what lies there is looked at, and on request a little of it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from detector.doctor.findings import Check, Status, refused
from detector.doctor.look import LISTED_WHOLE, bucket_of, inventory, look
from detector.doctor.measure import Measured, measure
from detector.doctor.plan import Basis, plan
from detector.doctor.rates import DOCUMENTED, MEASURED
from detector.scope import Scope
from detector.sources.evidence import EvidenceSource
from detector.sources.inventory import InventorySource
from detector.sources.s3 import S3Source
from detector.sources.survey import Survey

_ENCRYPTIONS_ASKED: Final = 16


def planned(
    source: EvidenceSource,
    scope: Scope,
    cores: Sequence[int],
    *,
    measures: bool = False,
    listed_whole: int = LISTED_WHOLE,
) -> Iterator[Check]:
    """Yield what reading a source would cost.

    Args:
        source: to look at.
        scope: of it.
        cores: for so many of them hours of the clock are given.
        measures: whether a sample is read.
        listed_whole: objects of a bucket up to which everything is listed.

    Raises:
        CredentialsError: AWS refuses the credentials as a whole.
        SourceError: the source cannot be listed at all.
    """
    survey = look(source, scope, listed_whole)
    if isinstance(source, InventorySource):
        yield inventory(source)
    measured = measure(source.reader(), survey.sample) if measures and survey.sample else None
    yield from plan(survey, _basis(source, survey, measured, cores))
    if measured is not None:
        yield _told(measured)
        yield from refused("read", measured.failures)


def _basis(source: EvidenceSource, survey: Survey, measured: Measured | None, cores: Sequence[int]) -> Basis:
    rates, origin = DOCUMENTED, f"measured {MEASURED}"
    if measured is not None and measured.says_enough:
        rates, origin = measured.rates(DOCUMENTED), "as measured"
    return Basis(
        rates,
        origin,
        cores,
        is_in_s3=bucket_of(source) is not None,
        is_listed=not isinstance(source, InventorySource),
        encryptions=_encryptions(source, survey),
    )


def _encryptions(source: EvidenceSource, survey: Survey) -> Counter[str]:
    """Ask how some log files of a bucket are encrypted; an inventory says it of each."""
    if not isinstance(source, S3Source):
        return Counter()
    some = survey.sample[:_ENCRYPTIONS_ASKED]
    return Counter(how for one in some if (how := source.encryption(one.uri)))


def _told(measured: Measured) -> Check:
    facts = {
        "sampled": measured.objects,
        "records": measured.records,
        "scan_cpu_seconds": round(measured.scan_seconds, 4),
        "ingest_cpu_seconds": round(measured.ingest_seconds, 4),
        "used": measured.says_enough,
    }
    said = (
        f"{measured.objects:,} log files, {measured.records:,} records: {measured.scan_seconds:.2f} s of CPU to scan, "
        f"{measured.ingest_seconds:.2f} s to ingest"
    )
    if measured.says_enough:
        return Check("measured", Status.OK, said, None, facts)
    step = "too little to tell a rate by: the documented ones were used; name more log files"
    return Check("measured", Status.NOTE, said, step, facts)
