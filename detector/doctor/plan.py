"""What reading a source costs: requests, money, hours of a core, and the size of a lake. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from detector.doctor.findings import Check, Status, amount, duration, places, refused
from detector.doctor.prices import KMS_DOLLARS, LIST_DOLLARS, VCPU_HOUR_DOLLARS, price_note, price_of
from detector.doctor.rates import Rates, Work
from detector.sources.log_source import Storage
from detector.sources.survey import Survey
from detector.text import counted, size_text

_KEYS_A_PAGE: Final = 1_000
_KMS: Final = ("SSE-KMS", "DSSE-KMS", "aws:kms", "aws:kms:dsse")
_GB: Final = 1e9
_OTHERS_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan is reckoned with."""

    rates: Rates
    source: str  # where the rates come from
    cores: Sequence[int]  # for so many hours of the clock are given
    is_in_s3: bool = True  # False: nothing is asked of AWS
    is_listed: bool = True  # False: an inventory names the objects
    encryptions: Mapping[str, int] = field(default_factory=dict)  # of some objects, where no listing says it


@dataclass(frozen=True, slots=True)
class _Kept:
    """The log files that are kept in one way."""

    storage: Storage
    objects: float
    size_bytes: float


def plan(survey: Survey, basis: Basis) -> Iterator[Check]:
    """Yield what there is to read, what stands in the way, and what reading the rest costs."""
    yield from places(survey, None)
    kept = _kept(survey)
    if survey.objects.value:
        yield amount(survey)
        yield from map(_storage, kept if basis.is_in_s3 else ())
    yield from _archived([one for one in kept if one.storage.archived])
    yield from _others(survey)
    yield from refused("list", survey.unreadable)
    readable = [one for one in kept if not one.storage.archived]
    work = Work(sum(one.objects for one in readable), sum(one.size_bytes for one in readable))
    if work.objects:
        yield _events(work, basis)
        if basis.is_in_s3:
            yield _requests(survey, readable, basis)
        yield _scan(work, basis)
        yield _ingest(work, basis)
        yield _lake(work, basis)


def _kept(survey: Survey) -> list[_Kept]:
    """Return how all of it is kept, as what was named one by one is."""
    named = sum(survey.stored_objects.values())
    named_bytes = sum(survey.stored_bytes.values())
    share = survey.objects.value / named if named else 0.0
    share_of_bytes = survey.size_bytes.value / named_bytes if named_bytes else 0.0
    return [
        _Kept(storage, objects * share, survey.stored_bytes[storage] * share_of_bytes)
        for storage, objects in survey.stored_objects.most_common()
    ]


def _storage(kept: _Kept) -> Check:
    how = kept.storage
    named = ", ".join(filter(None, (how.storage_class, how.encryption, "a bucket key" * how.has_bucket_key)))
    said = f"{named or 'nothing is known'}: {counted(round(kept.objects), 'log file')}, {size_text(kept.size_bytes)}"
    facts = {
        "class": how.storage_class,
        "encryption": how.encryption,
        "bucket_key": how.has_bucket_key,
        "objects": round(kept.objects),
        "bytes": round(kept.size_bytes),
    }
    return Check("storage", Status.OK, said, None, facts)


def _archived(kept: Sequence[_Kept]) -> Iterator[Check]:
    if kept:
        objects, size = round(sum(one.objects for one in kept)), sum(one.size_bytes for one in kept)
        said = f"{counted(objects, 'log file')}, {size_text(size)}, archived: they fail until they are restored"
        step = "restore them, `aws s3api restore-object` or S3 Batch Operations; not in the costs below"
        yield Check("archived", Status.PROBLEM, said, step, {"objects": objects, "bytes": round(size)})


def _others(survey: Survey) -> Iterator[Check]:
    if survey.others:
        named = "; ".join(f"{count:,} {reason}" for reason, count in survey.others.most_common(_OTHERS_NAMED))
        yield Check("others", Status.OK, f"not read: {named}", None, {"reasons": dict(survey.others.most_common(100))})


def _events(work: Work, basis: Basis) -> Check:
    events = work.events(basis.rates)
    said = f"about {_rounded(events)}, at {basis.rates.stored_bytes:,.0f} stored bytes each ({basis.source})"
    return Check("events", Status.OK, said, None, {"events": round(events), "bytes_each": basis.rates.stored_bytes})


def _requests(survey: Survey, kept: Sequence[_Kept], basis: Basis) -> Check:
    objects = sum(one.objects for one in kept)
    pages = objects / _KEYS_A_PAGE + survey.requests if basis.is_listed else 0.0
    keys = sum(one.objects for one in kept if _asks_kms(one.storage, basis))
    prices = [(one, price_of(one.storage.storage_class)) for one in kept]
    kinds = [
        ("LIST", f"{pages:,.0f} LIST", pages * LIST_DOLLARS),
        ("GET", f"{objects:,.0f} GET", sum(one.objects * price.get_dollars for one, price in prices)),
        ("KMS", f"up to {keys:,.0f} KMS Decrypt", keys * KMS_DOLLARS),
        ("retrieval", "retrieval", sum(one.size_bytes / _GB * price.retrieval_dollars for one, price in prices)),
    ]
    dollars = sum(price for _, _, price in kinds)
    parts = [f"{named} ${price:,.2f}" for name, named, price in kinds if name == "GET" or price]
    said = f"{', '.join(parts)}: ${dollars:,.2f} ({price_note()})"
    facts: dict[str, Any] = {
        "list_requests": round(pages),
        "get_requests": round(objects),
        "kms_requests_at_most": round(keys),
        "dollars": round(dollars, 4),
        "dollars_by_kind": {name: round(price, 4) for name, _, price in kinds},
    }
    return Check("requests", Status.OK, said, None, facts)


def _asks_kms(storage: Storage, basis: Basis) -> bool:
    """Tell whether each object of a kind may cost a call of KMS; where a listing does not say it, as others do."""
    if storage.encryption is not None:
        return storage.encryption in _KMS and not storage.has_bucket_key
    return any(how.partition(" ")[0] in _KMS for how in basis.encryptions)


def _scan(work: Work, basis: Basis) -> Check:
    hours, alone = work.scan_hours(basis.rates), work.listing_hours(basis.rates)
    return _hours("scan", hours, {cores: max(hours / cores, alone) for cores in basis.cores}, alone)


def _ingest(work: Work, basis: Basis) -> Check:
    hours, alone = work.ingest_hours(basis.rates), work.alone_hours(basis.rates)
    return _hours("ingest", hours, {cores: max(hours / cores, alone) for cores in basis.cores}, alone)


def _hours(name: str, core_hours: float, clock: Mapping[int, float], alone: float) -> Check:
    times = ", ".join(f"{counted(cores, 'core')} {duration(hours * 3_600)}" for cores, hours in clock.items())
    said = f"{_figures(core_hours)} core-hours, ${core_hours * VCPU_HOUR_DOLLARS:,.2f} of EC2: {times}"
    facts: dict[str, Any] = {
        "core_hours": round(core_hours, 4),
        "dollars": round(core_hours * VCPU_HOUR_DOLLARS, 4),
        "seconds_alone": round(alone * 3_600, 1),  # of the one process that lists and commits
        "seconds_by_cores": {str(cores): round(hours * 3_600, 1) for cores, hours in clock.items()},
    }
    return Check(name, Status.OK, said, None, facts)


def _lake(work: Work, basis: Basis) -> Check:
    size = work.lake_bytes(basis.rates)
    return Check("lake", Status.OK, f"about {size_text(size)}", None, {"bytes": round(size)})


def _rounded(number: float) -> str:
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if number >= size:
            return f"{number / size:,.1f} {word}"
    return f"{round(number):,}"


def _figures(hours: float) -> str:
    if hours < 0.01:
        return "under 0.01"
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:,.1f}" if hours >= 1 else f"{hours:.2f}"
