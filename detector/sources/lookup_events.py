"""CloudTrail's event history, `lookup-events:`, for accounts without a trail: 90 days through the LookupEvents API.

Time is cut into fixed windows of UTC. Each is one log object, so that what is committed is not asked for again:

    lookup-events://ACCOUNT/REGION/2026/03/01/0600Z     six hours
    lookup-events://ACCOUNT/REGION/2026/03/01/root      with --root-only: a day

What its ETag says decides whether it is read again: `settled` stays, `until …` is a window that may still grow.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

from detector.aws_regions import sign_in_region
from detector.errors import SourceError
from detector.reasons import Reason
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import AccessKey, caller_identity, frozen_key, open_session
from detector.sources.log_source import ENDED_EARLY, LeftOut, Listed, LogObject, Unreadable, lies_below
from detector.sources.lookup_client import (
    INTERVAL_SECONDS,
    LookupClient,
    LookupRefused,
    PageTokenExpired,
    lookup_client,
)
from detector.sources.rate_limit import RateLimiter
from detector.times import utc_now

if TYPE_CHECKING:
    import boto3

KEPT_DAYS: Final = 90
_KEPT: Final = timedelta(days=KEPT_DAYS) - timedelta(minutes=15)  # clocks differ, and requests wait for their slot
SETTLED_AFTER: Final = timedelta(hours=6)  # events appear within about 15 minutes, which nobody guarantees

_WINDOW_HOURS: Final = 6
_ROOT_WINDOW_HOURS: Final = 24
_WINDOW_CAP_BYTES: Final = 256 << 20
_PARALLEL_WINDOWS: Final = 32  # regions, mostly: each has its own rate
_READINGS: Final = 3  # of one window, when AWS forgets where the pages were to go on
# A batch, and with it a commit, is one window of each region; how large they are is not known before.
_BATCH_BYTES: Final = 16 << 20
# Where root signs in, and where IAM, STS and Organizations are recorded.
_URI: Final = re.compile(
    r"lookup-events://(?P<account>[0-9]{12})/(?P<region>[a-z0-9-]+)/(?P<day>[0-9]{4}/[0-9]{2}/[0-9]{2})/"
    r"(?:(?P<hour>[0-9]{2})00Z|root)"
)


@dataclass(frozen=True, slots=True)
class Window:
    """A fixed span of UTC in one account and region."""

    account: str
    region: str
    start: datetime
    root_only: bool

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.start + timedelta(hours=_ROOT_WINDOW_HOURS if self.root_only else _WINDOW_HOURS)

    @property
    def uri(self) -> str:
        """Its name as a log object; a folder for each day, as in a trail's bucket."""
        name = "root" if self.root_only else f"{self.start:%H}00Z"
        return f"lookup-events://{self.account}/{self.region}/{self.start:%Y/%m/%d}/{name}"

    def log_object(self, now: datetime, size_bytes: int) -> LogObject:
        """Return what is listed at the time `now`."""
        settled = self.end + SETTLED_AFTER <= now
        return LogObject(self.uri, size_bytes, "settled" if settled else f"until {now:%Y-%m-%dT%H:%M:%SZ}", None)


def parse_window(uri: str) -> Window:
    """Return the window that a URI names.

    Raises:
        ValueError: it names none.
    """
    found = _URI.fullmatch(uri)
    if found is None:
        raise ValueError(f"{uri!r} is no window of LookupEvents")
    start = datetime.strptime(f"{found['day']} {found['hour'] or '00'}", "%Y/%m/%d %H").replace(tzinfo=UTC)
    return Window(found["account"], found["region"], start, root_only=found["hour"] is None)


def window_starts(since: datetime, until: datetime, *, root_only: bool) -> Iterator[datetime]:
    """Yield where the windows start that hold anything from `since` to `until`, the newest first."""
    hours = _ROOT_WINDOW_HOURS if root_only else _WINDOW_HOURS
    start = until.replace(hour=until.hour // hours * hours, minute=0, second=0, microsecond=0)
    while start + timedelta(hours=hours) > since:
        yield start
        start -= timedelta(hours=hours)


class LookupEventsSource:
    """The event history of the caller's account, in some regions."""

    root = ""

    def __init__(
        self,
        options: AwsOptions,
        *,
        root_only: bool = False,
        rate_limiter: RateLimiter | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._options = options
        self._root_only = root_only
        self._given_rate_limiter = rate_limiter
        self._now = now

    def list(self, scope: Scope) -> Iterator[Listed]:
        """Yield the windows of `scope`, the newest first; each region is asked once whether it answers.

        Raises:
            SourceError: no region can be looked up.
            CredentialsError: AWS refuses the credentials.
        """
        now = self._now()
        oldest = now - _KEPT
        since, until = max(scope.since or oldest, oldest), min(scope.until or now, now)
        account, home = self._identity
        root = _root(account)
        if scope.accounts and account not in scope.accounts:
            yield LeftOut(root, Reason.OTHER_SESSION.of(account=account))
            return
        if scope.since and scope.since < oldest:
            yield LeftOut(root, Reason.TOO_OLD.of(moment=f"{oldest:%Y-%m-%d}", days=KEPT_DAYS))
        regions = self._regions(scope)
        yield LeftOut(root, _regions_not_asked(regions, home))
        answering: list[str] = []
        refusals: list[Unreadable] = []
        for region in regions:
            try:
                lookup_client(self._session, region, self._rate_limiter, self._options).check(since, max(since, until))
                answering.append(region)
            except LookupRefused as error:
                refusals.append(Unreadable(f"{root}{region}/", str(error)))
        if not answering:
            raise SourceError(
                f"cannot look up events of account {account}: {refusals[0].reason}",
                hint="allow cloudtrail:LookupEvents, and check --region and the network",
            )
        yield from refusals
        for start in window_starts(since, until, root_only=self._root_only):
            for region in answering:
                window = Window(account, region, start, self._root_only)
                yield window.log_object(now, -(-_BATCH_BYTES // len(answering)))

    def reader(self) -> LookupEventsReader:
        """Return a reader with the key as it is now; SSO, MFA prompts and role renewals happen here, in the parent.

        Raises:
            CredentialsError: there are no credentials, or they cannot be renewed.
        """
        key = frozen_key(self._session, self._options)
        return LookupEventsReader(key, self._options.profile, self._rate_limiter, self._now)

    def covers(self, uri: str, scope: Scope) -> bool:
        """Tell whether something is of this account, and of a region that is asked."""
        root = _root(self._identity[0])
        return any(lies_below(uri, f"{root}{region}/") for region in self._regions(scope))

    def _regions(self, scope: Scope) -> Sequence[str]:
        home = self._identity[1]
        return sorted(scope.regions) or sorted({self._session.region_name or home, home})

    @cached_property
    def _session(self) -> boto3.Session:
        return open_session(self._options)

    @cached_property
    def _identity(self) -> tuple[str, str]:
        """Return the caller's account, and the region where its root signs in."""
        account, partition = caller_identity(self._session, self._options)
        return account, sign_in_region(partition)

    @cached_property
    def _rate_limiter(self) -> RateLimiter:
        if self._given_rate_limiter is not None:
            return self._given_rate_limiter
        folder = tempfile.mkdtemp(prefix="detector-rate_limiter-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return RateLimiter(Path(folder), INTERVAL_SECONDS)


@dataclass(frozen=True, slots=True)
class LookupEventsReader:
    """Looks windows up with a key as of now; picklable, and shows nothing of the key."""

    key: AccessKey
    profile: str | None
    rate_limiter: RateLimiter
    now: Callable[[], datetime] = utc_now

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        """Yield each window as a log file, `{"Events": […]}`; regions at the same time, each at its own rate.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        windows = {one.uri: parse_window(one.uri) for one in objects}
        # Here, because sessions are not for several threads.
        clients = {region: _client(self, region) for region in {window.region for window in windows.values()}}
        stopped = Event()

        def look_up(one: LogObject) -> bytes | Unreadable:
            window = windows[one.uri]
            try:
                return _read_window(clients[window.region], window, self.now(), stopped)
            except LookupRefused as error:
                return Unreadable(one.uri, str(error))

        pool = ThreadPoolExecutor(_PARALLEL_WINDOWS, thread_name_prefix="lookup")
        try:
            asked = {pool.submit(look_up, one): one for one in objects}
            for done in as_completed(asked):
                yield asked[done], done.result()
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)


# Connections outlive batches; a renewed key starts afresh.
@lru_cache(maxsize=64)
def _client(reader: LookupEventsReader, region: str) -> LookupClient:
    options = AwsOptions(profile=reader.profile)
    return lookup_client(open_session(options, reader.key), region, reader.rate_limiter, options)


def _read_window(client: LookupClient, window: Window, now: datetime, stopped: Event) -> bytes:
    """Return the events of a window in the form of `aws cloudtrail lookup-events`: a broken one is rejected alone."""
    for _ in range(_READINGS - 1):
        try:
            return _read_once(client, window, now, stopped)
        except PageTokenExpired:
            continue
    return _read_once(client, window, now, stopped)


def _read_once(client: LookupClient, window: Window, now: datetime, stopped: Event) -> bytes:
    since = max(window.start, now - _KEPT)
    until = min(window.end, now)
    if since > until:
        raise LookupRefused(f"older than {KEPT_DAYS} days by now")
    events: list[bytes] = []
    size_bytes = 0
    for event in client.events(since, until, root_only=window.root_only):
        happened = event.get("EventTime")
        if stopped.is_set():
            raise LookupRefused(ENDED_EARLY)
        if happened is not None and happened >= window.end:
            continue  # AWS includes the end, where the next window starts
        kept = {name: value for name, value in event.items() if name in ("EventId", "CloudTrailEvent")}
        events.append(json.dumps(kept).encode())
        size_bytes += len(events[-1])
        if size_bytes > _WINDOW_CAP_BYTES:
            raise LookupRefused(f"more than {_WINDOW_CAP_BYTES >> 20} MiB of events; a trail can be read, this cannot")
    return b'{"Events": [%s]}' % b", ".join(events)


def _root(account: str) -> str:
    return f"lookup-events://{account}/"


def _regions_not_asked(regions: Sequence[str], home: str) -> str:
    told = Reason.OTHER_REGIONS.of(regions=", ".join(regions))
    return told if home in regions else f"{told}; root signs in in {home}"
