"""The grammar of CloudTrail's object keys, and what a scope leaves out of them.

    [prefix/…]AWSLogs/[o-id/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_random.json.gz

Keys are read from the right, anchored on the last `AWSLogs`. Copies without it are read by `ACCOUNT/CloudTrail/…`
or `REGION/YYYY/…` folders, and by the file name. Local paths relative to a source have the same grammar.

Source: "CloudTrail log file examples", "Finding your CloudTrail log files", AWS CloudTrail User Guide.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

from detector.aws_regions import REGION_PATTERN as _REGION
from detector.aws_regions import is_region
from detector.reasons import Reason
from detector.records.file_names import other_kind
from detector.scope import Scope
from detector.sources.log_source import LeftOut, Limit

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ORGANISATION: Final = re.compile(r"o-[a-z0-9]+")
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
_TWO_DIGITS: Final = re.compile(r"[0-9]{2}")
_KIND_TEXT: Final = r"CloudTrail(?:-[A-Za-z0-9]+)*"
_KIND: Final = re.compile(_KIND_TEXT)
_FILE_NAME: Final = re.compile(rf"([0-9]{{12}})_({_KIND_TEXT})_({_REGION})(?:[_-](.*))?", re.DOTALL)
_USUAL_NAME: Final = re.compile(rf"[0-9]{{12}}_CloudTrail_{_REGION}_[0-9]{{8}}T[0-9]{{4}}Z_[A-Za-z0-9]+\.json\.gz")
_FILE_TIME: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})")

_DIGESTS: Final = "CloudTrail-Digest"
_SIBLINGS: Final = {
    _DIGESTS: "a digest for log file validation",
    "CloudTrail-Insight": "Insights events",
    "CloudTrail-NetworkActivity": "network activity events",
    "CloudTrail-Aggregated": "aggregated events",
}
_EVERYTHING: Final = Scope()


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a scope leaves something out."""

    limit: Limit
    reason: str

    def of(self, uri: str) -> LeftOut:
        """Say it of an object or a folder."""
        return LeftOut(uri, self.reason, self.limit)


@dataclass(frozen=True, slots=True)
class Place:
    """The facts that a key, or a folder, states about the records below it. None: not stated."""

    account: str | None = None  # 12 digits, leading zeros kept
    kind: str | None = None  # CloudTrail, CloudTrail-Digest, …, or another service's folder below AWSLogs/ACCOUNT
    region: str | None = None
    first_day: date | None = None  # of delivery, inclusive; a folder YYYY/MM coverage a month
    last_day: date | None = None
    delivered_at: datetime | None = None  # aware, UTC, to the minute


def parse_key(key: str) -> Place:
    """Return what the key of one object says; where folders and file name differ, the folders win."""
    folder, _, name = key.rpartition("/")
    place = parse_folder(folder)
    found = _FILE_NAME.match(name)
    if found is None:
        return place
    account, kind, region, rest = found.groups()
    time = _parse_file_time(rest or "")
    day = time.date() if time else None
    whole_day_known = place.first_day is not None and place.first_day == place.last_day
    return Place(
        account=place.account or account,
        kind=kind if place.kind in (None, "CloudTrail") else place.kind,
        region=place.region or region,
        first_day=place.first_day if whole_day_known else day or place.first_day,
        last_day=place.last_day if whole_day_known else day or place.last_day,
        delivered_at=time,
    )


@lru_cache(maxsize=1024)
def parse_folder(folder: str) -> Place:
    """Return what a folder says about every object below it, with or without a closing slash."""
    segments = [segment for segment in folder.split("/") if segment]
    anchor = len(segments) - segments[::-1].index("AWSLogs") if "AWSLogs" in segments else None
    if anchor is not None:
        place = _parse_anchored(segments[anchor:])
        if place is not None:
            return place
    return _parse_unanchored(segments[anchor or 0 :])


def _parse_anchored(below: list[str]) -> Place | None:
    """Read `[o-id/]ACCOUNT/[KIND/][REGION/…]`, the segments below `AWSLogs`."""
    start = 0
    while start < len(below) and _ORGANISATION.fullmatch(below[start]):
        start += 1
    account = below[start].removeprefix("aws-account-id=") if start < len(below) else ""
    if not _ACCOUNT.fullmatch(account):
        return None
    rest = below[start + 1 :]
    if not rest:
        return Place(account=account)
    if is_region(rest[0]):
        return _with_region(Place(account=account), rest)
    # VPC flow logs in Hive style: AWSLogs/aws-account-id=…/aws-service=vpcflowlogs/…
    return _with_region(Place(account=account, kind=rest[0].removeprefix("aws-service=")), rest[1:])


def _parse_unanchored(segments: list[str]) -> Place:
    """Read `[ACCOUNT/]CloudTrail/REGION/…` or `[ACCOUNT/]REGION/YYYY/…`, the rightmost that there is."""
    for at in range(len(segments) - 1, -1, -1):
        account = segments[at - 1] if at and _ACCOUNT.fullmatch(segments[at - 1]) else None
        if _is_kind(segments[at], below_account=account is not None):
            return _with_region(Place(account=account, kind=segments[at]), segments[at + 1 :])
        if is_region(segments[at]) and at + 1 < len(segments) and _YEAR.fullmatch(segments[at + 1]):
            # A kind further left still counts: CloudTrail/export/REGION/YYYY.
            left = _parse_unanchored(segments[:at])
            return _with_region(replace(left, account=account or left.account), segments[at:])
    return Place()


def _is_kind(segment: str, *, below_account: bool) -> bool:
    # People name their own folders `CloudTrail-logs`; only below an account is every CloudTrail-* AWS's own.
    return segment == "CloudTrail" or segment in _SIBLINGS or (below_account and bool(_KIND.fullmatch(segment)))


def _with_region(place: Place, rest: list[str]) -> Place:
    if not rest or not is_region(rest[0]):
        return place
    first_day, last_day = _parse_days(rest[1:4])
    return replace(place, region=rest[0], first_day=first_day, last_day=last_day)


def _parse_days(segments: list[str]) -> tuple[date, date] | tuple[None, None]:
    """Return the first and last day of `[YYYY[, MM[, DD]]]`; what is no such folder widens the span."""
    if not segments or not _YEAR.fullmatch(segments[0]):
        return None, None
    year = int(segments[0])
    numbers = [int(text) if _TWO_DIGITS.fullmatch(text) else 0 for text in segments[1:]]
    if not numbers or not 1 <= numbers[0] <= 12:
        return date(year, 1, 1), date(year, 12, 31)
    month, length = numbers[0], monthrange(year, numbers[0])[1]
    if len(numbers) < 2 or not 1 <= numbers[1] <= length:
        return date(year, month, 1), date(year, month, length)
    return date(year, month, numbers[1]), date(year, month, numbers[1])


def _parse_file_time(rest: str) -> datetime | None:
    # A digest's name holds the trail's name before the time, and a trail may be called anything: then the last counts.
    found = _FILE_TIME.match(rest) or next(reversed(list(_FILE_TIME.finditer(rest))), None)
    if found is None:
        return None
    year, month, day, hour, minute = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def skip_reason(key: str) -> str | None:
    """Say why the name of an object shows that it is no CloudTrail log file; None when it may be one."""
    folder, _, name = key.rpartition("/")
    if not name:
        return Reason.FOLDER_MARKER.of()
    if _USUAL_NAME.fullmatch(name) and parse_folder(folder).kind in (None, "CloudTrail"):
        return None
    kind = _kind_of(key)
    if kind is not None and kind != "CloudTrail":
        return _reason_of_kind(kind)
    return other_kind(name)


@lru_cache(maxsize=256)
def _reason_of_kind(kind: str) -> str:
    if not _KIND.fullmatch(kind):
        return Reason.OTHER_SERVICE.of(kind=kind)
    return Reason.SIBLING.of(kind=kind, what=_SIBLINGS.get(kind, "not a log of API calls"))


def is_digest(key: str) -> bool:
    """Tell whether an object is a digest by where it lies, or by its name."""
    return _DIGESTS in key and _kind_of(key) == _DIGESTS and not key.endswith("/")


def other_service(path: str) -> str | None:
    """Say which other service a key or folder below `AWSLogs/ACCOUNT/` belongs to; None for CloudTrail's own."""
    kind = _kind_of(path)
    return None if kind is None or _KIND.fullmatch(kind) else _reason_of_kind(kind)


def exclusion(scope: Scope, key: str) -> Exclusion | None:
    """Say why the scope leaves out the object `key`; None when it does not, or when the key does not say enough."""
    if scope == _EVERYTHING:
        return None
    folder = key.rpartition("/")[0]
    excluded = folder_exclusion(scope, folder)
    if excluded or (scope.delivered_since is None and _says_all(parse_folder(folder))):
        return excluded
    return _excluded(scope, parse_key(key))


def _says_all(folder: Place) -> bool:
    """Tell whether a file's name can add nothing but its minute."""
    is_day = folder.first_day is not None and folder.first_day == folder.last_day
    return is_day and folder.account is not None and folder.region is not None


def _kind_of(key: str) -> str | None:
    """Return the kind that `parse_key` says."""
    kind = parse_folder(key.rpartition("/")[0]).kind
    return parse_key(key).kind if kind in (None, "CloudTrail") else kind


@lru_cache(maxsize=1024)
def folder_exclusion(scope: Scope, folder: str) -> Exclusion | None:
    """Say why the scope leaves out everything below `folder`; None when something below may be in scope.

    A folder inside one that is left out is left out: walking a tree and filtering its keys give the same objects.
    """
    if scope == _EVERYTHING:
        return None
    folder = folder.rstrip("/")
    ends = [at for at, character in enumerate(folder) if character == "/"]
    reasons = (_excluded(scope, parse_folder(folder[:end])) for end in [*ends, len(folder)])
    return next((reason for reason in reasons if reason), None)


def _excluded(scope: Scope, place: Place) -> Exclusion | None:
    if scope.accounts and place.account is not None and place.account not in scope.accounts:
        return Exclusion(Limit.ACCOUNTS, Reason.OTHER_ACCOUNT.of(account=place.account))
    if scope.regions and place.region is not None and place.region not in scope.regions:
        return Exclusion(Limit.REGIONS, Reason.OTHER_REGION.of(region=place.region))
    if scope.first_day and place.last_day and place.last_day < scope.first_day:
        return Exclusion(Limit.WINDOW, Reason.BEFORE.of(moment=scope.first_day))
    if scope.delivered_since and place.delivered_at and place.delivered_at < scope.delivered_since:
        return Exclusion(Limit.WINDOW, Reason.BEFORE.of(moment=f"{scope.delivered_since:%Y-%m-%dT%H:%MZ}"))
    if scope.last_day and place.first_day and place.first_day > scope.last_day:
        return Exclusion(Limit.WINDOW, Reason.AFTER.of(moment=scope.last_day))
    return None


def in_layout(folder: str) -> bool:
    """Tell whether CloudTrail's own layout goes on below `folder`: a kind and a region are known, then YYYY/MM/DD."""
    place = parse_folder(folder)
    return place.kind is not None and place.region is not None


def before_day(folder: str, day: date) -> str:
    """Return the text that sorts after all earlier days' keys and before those of `day`.

    Args:
        folder: one that is `in_layout`.
    """
    segments = folder.split("/")
    region_at = len(segments) - 1 - segments[::-1].index(parse_folder(folder).region or "")
    return "/".join([*segments[: region_at + 1], *day.isoformat().split("-")])


def before_moment(folder: str, moment: datetime) -> str:
    """Return the text that sorts after the log files named for an earlier time, and before those of `moment` or later.

    Args:
        folder: one that is `in_layout`.
    """
    place = parse_folder(folder)
    day = before_day(folder, moment.date())
    return f"{day}/{place.account}_{place.kind}_{place.region}_{moment:%Y%m%dT%H%M}" if place.account else day
