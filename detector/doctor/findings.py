"""What a first look at a source found, in words, with the next step for each problem. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from detector.aws_regions import partition_of, sign_in_region
from detector.doctor.prices import LIST_DOLLARS, price_of
from detector.sources.log_source import LeftOut, Unreadable
from detector.sources.survey import Amount, Survey
from detector.text import counted, size_text

_KEYS_A_PAGE: Final = 1_000
_NAMED: Final = 5
_QUIET_DAYS: Final = 2


class Status(StrEnum):
    """What a finding means for whoever wants to read the source."""

    OK = "ok"
    NOTE = "note"  # to be known; nothing stands in the way
    PROBLEM = "problem"  # something cannot be read


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    finding: str
    next: str | None = None  # what to do
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as `--format jsonl` writes it."""
        return {
            "check": self.name,
            "status": str(self.status),
            "finding": self.finding,
            "next": self.next,
            **self.facts,
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """A sample that was read as a scan reads it, in one process."""

    objects: int
    records: int
    seconds: float
    failures: Sequence[Unreadable] = ()
    skipped: Sequence[LeftOut] = ()  # turned out to be something else
    encryptions: Mapping[str, int] = field(default_factory=dict)  # how → objects
    digest_problem: str | None = None  # why one digest is of no use
    digest_is_signed: bool = False


def findings(survey: Survey, trial: Trial, today: date | None) -> Iterator[Check]:
    """Yield what there is to say, from what lies there to what stands in the way.

    Args:
        survey: what lies in the source.
        trial: what came of reading some of it.
        today: to tell whether something is delivered still; None of a copy, or where an end was given.
    """
    yield from places(survey, today)
    if survey.objects.value:
        yield amount(survey)
    yield from _digests(survey, trial)
    if trial.encryptions:
        listed = ", ".join(f"{how} ({count:,} of the sample)" for how, count in trial.encryptions.items())
        yield Check("encryption", Status.OK, listed, facts={"encryptions": dict(trial.encryptions)})
    yield from _trial(survey, trial)
    yield from refused("list", survey.unreadable)
    if survey.unseen:
        yield Check(
            "list",
            Status.PROBLEM,
            f"{counted(survey.unseen, 'folder')} not looked at: there are too many",
            "name a prefix, an account or a region",
            {"folders": survey.unseen},
        )


def places(survey: Survey, today: date | None) -> Iterator[Check]:
    """Yield of which layouts, accounts, regions and days there are log files; arguments as of `findings`."""
    accounts = sorted({account for account, _ in survey.days if account})
    regions = sorted({region for _, region in survey.days if region})
    if not survey.days:
        there = "; ".join(f"{count:,} {reason}" for reason, count in survey.others.most_common(_NAMED))
        step = "name the folder above AWSLogs/, or check --account, --region, --since and --until"
        yield Check("logs", Status.PROBLEM, f"no log files; there are: {there or 'no objects at all'}", step)
        return
    layouts = ", ".join(sorted(survey.layouts))
    yield Check("layout", Status.OK, layouts, facts={"layouts": sorted(survey.layouts)})
    spans = [span for span in survey.days.values() if span]
    first, last = min((one for one, _ in spans), default=None), max((one for _, one in spans), default=None)
    days = f"{first} to {last}" if first else "days unknown: the names say none"
    facts = {
        "accounts": accounts,
        "regions": regions,
        "first_day": first and first.isoformat(),
        "last_day": last and last.isoformat(),
    }
    named = f"{_counted(accounts, 'account')}, {_counted(regions, 'region')}, {days}"
    yield Check("logs", Status.OK, named, facts=facts)
    of: defaultdict[str, set[str]] = defaultdict(set)
    for account, region in survey.days:
        if account and region:
            of[account].add(region)
    blind = [one for one, its in sorted(of.items()) if not its & {sign_in_region(partition_of(some)) for some in its}]
    if blind:
        yield Check(
            "logs",
            Status.NOTE,
            f"nothing of the region that records root's sign-ins: {_some(blind)}",
            "us-east-1 has them outside of China and GovCloud: is the trail for all regions, is the prefix too narrow?",
            {"accounts": blind},
        )
    if last and today and (today - last).days > _QUIET_DAYS:
        step = "is the trail on? `aws cloudtrail get-trail-status`; for a copy, give --until"
        yield Check("logs", Status.NOTE, f"nothing was delivered since {last}", step)


def amount(survey: Survey) -> Check:
    """Return how many log files there are, and of what size."""
    objects, size = survey.objects, survey.size_bytes
    facts: dict[str, Any] = {
        "objects": round(objects.value),
        "objects_error": round(objects.error),
        "bytes": round(size.value),
        "bytes_error": round(size.error),
    }
    if not survey.is_estimated:
        return Check(
            "objects", Status.OK, f"{counted(round(objects.value), 'log file')}, {size_text(size.value)}", None, facts
        )
    said = (
        f"about {round(objects.value):,} log files ± {_percent(objects)}, {size_text(size.value)} ± {_percent(size)}"
        f" (two standard errors; {survey.counted_days:,} of {survey.all_days:,} days of accounts and regions counted)"
    )
    if survey.folders_seen < survey.folders:
        said += f"; first and last day from {survey.folders_seen:,} of {survey.folders:,} folders of regions"
    return Check(
        "objects", Status.OK, said, None, facts | {"days": survey.all_days, "days_counted": survey.counted_days}
    )


def _digests(survey: Survey, trial: Trial) -> Iterator[Check]:
    if not survey.days:
        return
    unsigned = survey.days.keys() - survey.digest_days.keys()
    without = sorted(f"{account} {region}" for account, region in unsigned if account and region)
    if not survey.digest_days:
        step = (
            "aws cloudtrail update-trail --name TRAIL --enable-log-file-validation; copies need CloudTrail-Digest/ too"
        )
        yield Check("digests", Status.NOTE, "none: nothing can be proved (detector verify)", step)
        return
    spans = [span for span in survey.digest_days.values() if span]
    first, last = min((one for one, _ in spans), default=None), max((one for _, one in spans), default=None)
    said = f"of {counted(len(survey.digest_days), 'account and region', 'accounts and regions')}, {first} to {last}"
    facts = {"first_day": first and first.isoformat(), "last_day": last and last.isoformat()}
    if trial.digest_problem:
        step = "allow s3:GetObject on CloudTrail-Digest/ too"
        yield Check("digests", Status.PROBLEM, f"{said}; one cannot be read: {trial.digest_problem}", step, facts)
    elif survey.digest is not None and not trial.digest_is_signed:
        step = "a copy has lost them: copy with the metadata, or verify where the trail delivers"
        yield Check("digests", Status.NOTE, f"{said}; the signature beside them is not there", step, facts)
    else:
        yield Check("digests", Status.OK, said, None, facts)
    if without:
        step = "validation was turned on later, or is another trail's: detector coverage says which hours are proven"
        yield Check("digests", Status.NOTE, f"none of {_some(without)}", step, {"places": without})


def _trial(survey: Survey, trial: Trial) -> Iterator[Check]:
    if not trial.objects:
        return
    read = trial.objects - len(trial.failures)
    said = f"{read:,} of {counted(trial.objects, 'sampled log file')} read, {counted(trial.records, 'record')}"
    facts = {"sampled": trial.objects, "read": read, "records": trial.records}
    if len(trial.skipped) == read > 0:
        step = "these are no CloudTrail logs: name the folder above AWSLogs/"
        yield Check("read", Status.PROBLEM, said, step, facts)
    else:
        yield Check("read", Status.OK if read else Status.NOTE, said, None, facts)
    yield from refused("read", trial.failures)
    for reason, count in Counter(one.reason for one in trial.skipped).most_common(_NAMED):
        yield Check("read", Status.NOTE, f"{counted(count, 'sampled file')} turned out to be {reason}", None)
    if read:
        yield _cost(survey, read / max(trial.seconds, 1e-6))


def _cost(survey: Survey, rate: float) -> Check:
    """Return what reading all of it costs; S3 is asked in one process here, and in several by `--jobs`."""
    objects = survey.objects.value
    pages = objects / _KEYS_A_PAGE + survey.requests
    listing = survey.list_seconds * pages / survey.requests if survey.requests else survey.list_seconds
    seconds = objects / rate + listing
    dollars = pages * LIST_DOLLARS + objects * price_of("STANDARD").get_dollars
    price = (
        f"{pages:,.0f} LIST and {objects:,.0f} GET, ${dollars:,.2f} (S3 Standard, us-east-1); "
        if survey.requests
        else ""
    )
    said = f"{price}{duration(seconds)} in one process, at {rate:,.0f} log files/s as measured; --jobs divides it"
    facts = {
        "list_requests": round(pages) if survey.requests else None,
        "get_requests": round(objects) if survey.requests else None,
        "dollars": round(dollars, 4) if survey.requests else None,
        "seconds": round(seconds, 1),
        "objects_per_second": round(rate, 1),
    }
    return Check("cost", Status.OK, said, None, facts)


def refused(name: str, refused: Iterable[Unreadable]) -> Iterator[Check]:
    """Yield a problem for each reason, with the first places that it stands in the way of."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for one in refused:
        by_reason[one.reason].append(one.uri)
    for reason, uris in sorted(by_reason.items(), key=lambda entry: -len(entry[1])):
        said = f"{reason}: {_some(uris)}"
        yield Check(name, Status.PROBLEM, said, _step(reason, uris[0]), {"reason": reason, "uris": uris[:100]})


def _step(reason: str, uri: str) -> str:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    folder = key.rpartition("/")[0]
    if "s3:ListBucket" in reason:
        return f"allow s3:ListBucket on arn:aws:s3:::{bucket}, also for the prefix {folder}/"
    if "s3:GetObject" in reason:
        place = f"arn:aws:s3:::{bucket}/{folder}/*"
        return f"allow s3:GetObject on {place}, in the bucket's policy too if it is another account's"
    if "kms:Decrypt" in reason:
        return "allow kms:Decrypt on that key, in the key's own policy too if it is another account's"
    if reason.startswith("archived"):
        return "restore them: `aws s3api restore-object`, or S3 Batch Operations for many"
    return "look at it; detector ingest names all of them in its --report"


def _counted(names: Sequence[str], noun: str) -> str:
    return counted(len(names), noun) + (f" ({', '.join(names)})" if 0 < len(names) <= _NAMED else "")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")


def _percent(amount: Amount) -> str:
    return f"{100 * amount.error / amount.value:.0f} %" if amount.value else "0 %"


def duration(seconds: float) -> str:
    """Return a time in the unit that fits it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"
