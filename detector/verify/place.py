"""The places of digests and log files, as their keys say them; read from the right.

    …/[o-id/]ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/
        ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_YYYYMMDDTHHMMSSZ[_backfill].json.gz
    …/[o-id/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_random.json.gz

What lies in other folders cannot be compared with what a digest says of it.

Source: "CloudTrail digest file structure", AWS CloudTrail User Guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from detector.aws_regions import REGION_PATTERN

# The name of a log file has the minute of its delivery, rounded to five, and up to some minutes ahead of it.
ROUNDED: Final = timedelta(minutes=15)
_WHOLE_DAY: Final = timedelta(days=1)
_DAY: Final = r"[0-9]{4}/[0-9]{2}/[0-9]{2}"
_FOLDERS: Final = re.compile(rf"([0-9]{{12}})/CloudTrail(-Digest)?/({REGION_PATTERN})/{_DAY}")
_DAY_LENGTH: Final = len("2025/03/04")
_YEARS: Final = range(2000, 9000)  # what others call a digest or log file may be of any; hours are added to these
_SEGMENTS: Final = 6  # from the account on
_DIGEST_ENDING: Final = ".json.gz"
_BACKFILL: Final = "_backfill"
_TRAIL: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HOME_REGION: Final = re.compile(REGION_PATTERN)
_DIGEST_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_LOG_MINUTE: Final = re.compile(r"[0-9]{12}_CloudTrail_[a-z0-9-]+_([0-9]{8}T[0-9]{4})Z_.*", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """One account and region of one delivery: what lies below it is compared with what its digests say."""

    root: str  # all before the account's folder, with its slash: s3://bucket/prefix/AWSLogs/o-id/
    account: str
    region: str


@dataclass(frozen=True, slots=True, order=True)
class Chain:
    """The digests of one trail in one location: each names the one before it."""

    location: Location
    trail: str
    home_region: str


@dataclass(frozen=True, slots=True)
class DigestPlace:
    """The facts that the key of a digest states."""

    chain: Chain
    end: datetime  # aware, UTC
    is_backfill: bool


def split_key(key: str) -> tuple[str, str]:
    """Return the root of a key or URI and the rest from the account's folder on; ("", key) when it has none."""
    folder, _, name = key.rpartition("/")
    found = _split_folder(folder)
    return ("", key) if found is None or not name else (found.location.root, f"{found.tail}/{name}")


def location_of(uri: str) -> Location | None:
    """Return the location of a digest or log file; None when it lies in other folders."""
    folder, _, name = uri.rpartition("/")
    found = _split_folder(folder)
    return None if found is None or not name else found.location


def parse_digest_uri(uri: str) -> DigestPlace | None:
    """Return what the URI or key of a digest states; None when it is not that of a digest in its folders."""
    folder, _, name = uri.rpartition("/")
    found = _split_folder(folder)
    if found is None or found.digest_prefix is None:
        return None
    if not (name.startswith(found.digest_prefix) and name.endswith(_DIGEST_ENDING)):
        return None
    said = name[len(found.digest_prefix) : -len(_DIGEST_ENDING)]
    # A trail's name may hold underscores: the home region and the time are the last two that can be.
    trail, *others = said.removesuffix(_BACKFILL).rsplit("_", 2)
    if len(others) != 2 or not _DIGEST_TIME.fullmatch(others[1]):
        return None
    chain, end = _chain(found.location, trail, others[0]), _moment(others[1])
    return None if chain is None or end is None else DigestPlace(chain, end, said.endswith(_BACKFILL))


def folder_day(uri: str) -> datetime | None:
    """Return the beginning of the day of the folder in which a log file lies; None when there is no such day."""
    found = _split_folder(uri.rpartition("/")[0])
    return _moment(found.tail[-_DAY_LENGTH:].replace("/", "")) if found else None


def fits_its_folder(uri: str) -> bool:
    """Tell whether a log file is named after a minute of the day of its folder, as CloudTrail names it."""
    minute, day = named_minute(uri), folder_day(uri)
    return minute is not None and day is not None and day - ROUNDED <= minute < day + _WHOLE_DAY + ROUNDED


def named_minute(uri: str) -> datetime | None:
    """Return the minute in the name of a log file, which CloudTrail rounds; None when there is none."""
    found = _LOG_MINUTE.fullmatch(uri.rpartition("/")[2])
    return _moment(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class _Folder:
    """The folder of a day."""

    location: Location
    tail: str  # without a slash at its end
    digest_prefix: str | None  # what the name of a digest in it begins with; None: there are no digests in it


@lru_cache(maxsize=1 << 10)  # each holds the objects of a day, and whoever lists goes through one after another
def _split_folder(folder: str) -> _Folder | None:
    segments = folder.rsplit("/", _SEGMENTS)
    tail = "/".join(segments[-_SEGMENTS:])
    found = _FOLDERS.fullmatch(tail)
    if found is None:
        return None
    root = f"{segments[0]}/" if len(segments) > _SEGMENTS else ""
    digest_prefix = f"{found[1]}_CloudTrail-Digest_{found[3]}_" if found[2] else None
    return _Folder(_location(root, found[1], found[3]), tail, digest_prefix)


# One object for all that lies in it: a year of digests has few of either.
_location = lru_cache(maxsize=1 << 13)(Location)


@lru_cache(maxsize=1 << 13)
def _chain(location: Location, trail: str, home_region: str) -> Chain | None:
    are_names = _TRAIL.fullmatch(trail) and _HOME_REGION.fullmatch(home_region)
    return Chain(location, trail, home_region) if are_names else None


def same_place(found: str, signed: str) -> bool:
    """Tell whether an object lies where its signed key says, or a copy of that place lies elsewhere.

    Args:
        found: the URI or key of the object.
        signed: the key in what AWS signed.
    """
    root, tail = split_key(found)
    signed_root, signed_tail = split_key(signed)
    return tail == signed_tail and (not (trail := _from_aws_logs(root)) or trail == _from_aws_logs(signed_root))


@lru_cache(maxsize=1 << 10)
def _from_aws_logs(root: str) -> str:
    """Return `AWSLogs/[o-id/]` at the end of a root; empty in a copy of what lies below."""
    _, found, after = f"/{root}".rpartition("/AWSLogs/")
    return f"AWSLogs/{after}" if found else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return moment if moment.tzinfo is UTC else moment.replace(tzinfo=UTC)
