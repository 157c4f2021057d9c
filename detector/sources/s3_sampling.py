"""A bucket too large to be listed for a first look: its accounts, regions and days, and some days counted."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from detector.scope import Scope
from detector.sources.aws_errors import denial_reason, is_unreachable, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import CONNECTIONS
from detector.sources.keys import folder_exclusion, in_layout, other_service, parse_folder, skip_reason
from detector.sources.log_source import LogObject, Unreadable
from detector.sources.s3_pages import only_news
from detector.sources.storage import storage_of
from detector.sources.survey import Survey, estimate, one_of_each_place

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_DEEPEST: Final = 6  # levels above the accounts: a prefix of its own, AWSLogs, o-id
_DAYS_OF_A_REGION: Final = 8  # that are counted, of all its accounts together
_PAGES_OF_A_DAY: Final = 50
_FOLDERS_OF_A_REGION: Final = 10  # whose first and last day are looked for
Day = tuple[str, date]  # of the region's folder that holds it
Group = tuple[str, str]  # kind, region
Spanned = tuple[str, tuple[date, date]]  # a region's folder, its first and last day


class S3Sampling:
    """One look at a bucket, in at most so many requests and some more.

    Args:
        requests: to find the folders of regions; beyond these no further folder is looked at.
    """

    def __init__(
        self, client: S3Client, bucket: str, prefix: str, scope: Scope, options: AwsOptions, *, requests: int = 3_000
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._scope = scope
        self._options = options
        self._most_requests = requests
        self._lock = Lock()
        self._survey = Survey()

    def run(self, survey: Survey) -> None:
        """Add to a survey what is found.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        self._survey = survey
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="s3-look") as pool:
            groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            for folder in sorted(self._find_regions(pool)):
                place = parse_folder(folder)
                survey.note_place(self._uri(folder))
                groups[place.kind or "", place.region or ""].append(folder)
            spans = self._spans(pool, groups)
            survey.folders, survey.folders_seen = sum(map(len, groups.values())), sum(map(len, spans.values()))
            regions = {region: some for (kind, region), some in sorted(spans.items()) if kind == "CloudTrail" and some}
            chosen = {region: list(_some_days(some)) for region, some in regions.items()}
            days = [day for some in chosen.values() for day in some]
            counted = dict(zip(days, pool.map(self._count, days), strict=True))
        strata = []
        for region, some in chosen.items():
            # A folder that was not looked at has as many days as the others of its region.
            share = len(groups["CloudTrail", region]) / len(regions[region])
            size = round(share * sum(_length(span) for _, span in regions[region]))
            strata.append((size, [counted[day] for day in some]))
        survey.objects = estimate([(size, [len(found) for found in some]) for size, some in strata])
        sizes = [(size, [sum(one.size_bytes for one in found) for found in some]) for size, some in strata]
        survey.size_bytes = estimate(sizes)
        survey.all_days, survey.counted_days = sum(size for size, _ in strata), len(days)
        named = [one for found in counted.values() for one in found]
        survey.sample = one_of_each_place(named)
        for one in named:
            survey.note_storage(one)
        digests = [one for (kind, _), some in spans.items() for one in some if kind != "CloudTrail"]
        if digests:
            folder, (_, last) = max(digests, key=lambda one: one[1][1])
            survey.digest = next(iter(self._objects_in(f"{folder}{last:%Y/%m/%d}/", pages=1)), None)

    def _find_regions(self, pool: ThreadPoolExecutor) -> Iterator[str]:
        """Yield the folders CloudTrail/REGION/ and CloudTrail-Digest/REGION/, level by level."""
        level = [self._prefix if self._prefix.endswith("/") or not self._prefix else f"{self._prefix}/"]
        for _ in range(_DEEPEST):
            below: list[str] = []
            asked = level[: max(0, self._most_requests - self._survey.requests)]
            self._survey.unseen += len(level) - len(asked)
            for folders in pool.map(self._folders_below, asked):
                for folder in folders:
                    kind = parse_folder(folder).kind
                    if folder_exclusion(self._scope, folder) or other_service(folder):
                        continue
                    if in_layout(folder):
                        if kind in ("CloudTrail", "CloudTrail-Digest"):
                            yield folder
                    else:
                        below.append(folder)
            level = below

    def _spans(self, pool: ThreadPoolExecutor, groups: Mapping[Group, Sequence[str]]) -> dict[Group, list[Spanned]]:
        """Return the first and last day of some folders of each region, at random: of all, where they are few."""
        spans: dict[Group, list[Spanned]] = {}
        for group, folders in groups.items():
            few = random.Random(0).sample(folders, min(_FOLDERS_OF_A_REGION, len(folders)))  # noqa: S311
            found = zip(few, pool.map(self._span, few), strict=True)
            spans[group] = [(folder, span) for folder, span in found if span is not None]
            for folder, span in spans[group]:
                self._survey.note_days(folder, *span)
        return spans

    def _folders_below(self, folder: str) -> list[str]:
        return [
            entry["Prefix"] for page in self._pages(folder, delimiter="/") for entry in page.get("CommonPrefixes", [])
        ]

    def _span(self, folder: str) -> tuple[date, date] | None:
        """Return the first and last day of a region's folder, within the scope; None when there are none."""
        edges = [self._edge(folder, pick) for pick in (min, max)]
        if edges[0] is None or edges[1] is None:
            return None
        first, last = max(edges[0], self._scope.first_day or edges[0]), min(edges[1], self._scope.last_day or edges[1])
        return (first, last) if first <= last else None

    def _edge(self, folder: str, pick: Any) -> date | None:  # noqa: ANN401 - min or max
        """Return the first or the last day: that of the first or last year, of its first or last month."""
        for _ in range(3):
            below = [name for name in self._folders_below(folder) if parse_folder(name).first_day]
            if not below:
                return None
            folder = pick(below)
        return parse_folder(folder).first_day

    def _count(self, day: Day) -> list[LogObject]:
        folder, moment = day
        return self._objects_in(f"{folder}{moment:%Y/%m/%d}/", pages=_PAGES_OF_A_DAY)

    def _objects_in(self, folder: str, pages: int) -> list[LogObject]:
        is_digest = parse_folder(folder).kind != "CloudTrail"
        found: list[LogObject] = []
        for number, page in enumerate(self._pages(folder), 1):
            is_s3 = "x-amz-bucket-region" in page["ResponseMetadata"]["HTTPHeaders"]
            for item in page.get("Contents", []):
                if is_digest or not skip_reason(item["Key"]):
                    tag, modified = item.get("ETag", "").strip('"'), item.get("LastModified")
                    storage = storage_of(item) if is_s3 else None
                    found.append(LogObject(self._uri(item["Key"]), max(0, item.get("Size", 0)), tag, modified, storage))
            if number >= pages:
                break
        return found

    def _pages(self, prefix: str, *, delimiter: str = "") -> Iterator[ListObjectsV2OutputTypeDef]:
        from botocore.exceptions import BotoCoreError, ClientError

        more: dict[str, Any] = {"OptionalObjectAttributes": ["RestoreStatus"]}
        if delimiter:
            more["Delimiter"] = delimiter
        pages: Iterable[ListObjectsV2OutputTypeDef] = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, **more
        )
        try:
            for page in only_news(pages, prefix, most_empty_pages=100):
                with self._lock:
                    self._survey.requests += 1
                yield page
        except (BotoCoreError, ClientError) as error:
            if refused := refusal(error, self._options):
                raise refused from error
            reason = "S3 cannot be reached" if is_unreachable(error) else denial_reason(error, "s3:ListBucket")
            with self._lock:
                self._survey.note_unreadable(Unreadable(self._uri(prefix), reason))

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def _some_days(places: Sequence[Spanned]) -> Iterator[Day]:
    """Yield some days at random of all days of a region's folders; the same ones each time."""
    ends = list(accumulate(_length(span) for _, span in places))
    few = min(_DAYS_OF_A_REGION, ends[-1])
    for number in sorted(random.Random(0).sample(range(ends[-1]), few)):  # noqa: S311 - a sample, no secret
        at = next(index for index, end in enumerate(ends) if number < end)
        folder, (first, _) = places[at]
        yield folder, first + timedelta(days=number - (ends[at - 1] if at else 0))


def _length(span: tuple[date, date]) -> int:
    return (span[1] - span[0]).days + 1
