"""CloudTrail's LookupEvents for one account and region: page by page, at the rate that AWS allows.

Source: "LookupEvents", AWS CloudTrail API Reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from detector.backoff import Backoff
from detector.errors import SourceError
from detector.sources.aws_errors import error_code, is_unreachable, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.rate_limit import RateLimiter
from detector.text import one_line

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import EventTypeDef, LookupEventsResponseTypeDef

# Two requests a second are allowed, per account and region; some travel faster than those before them.
INTERVAL_SECONDS: Final = 0.55

_ATTEMPTS: Final = 8
_BACKOFF: Final = Backoff(first_seconds=1, longest_seconds=20)
_HASTE: Final = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"})
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "OperationNotPermittedException"})
# Said of credentials that every other region accepts, where the account has not enabled the region.
_UNKNOWN_HERE: Final = frozenset({"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"})


class LookupRefused(SourceError):  # noqa: N818 - what AWS did
    """One region, or one window of time, cannot be looked up; the others may."""


class PageTokenExpired(LookupRefused):
    """AWS no longer knows where the pages were to go on."""


class LookupClient:
    """Asks LookupEvents in one region."""

    def __init__(self, client: CloudTrailClient, rate_limiter: RateLimiter, options: AwsOptions) -> None:
        self._client = client
        self._region = client.meta.region_name
        self._rate_limiter = rate_limiter
        self._options = options

    def check(self, since: datetime, until: datetime) -> None:
        """Ask for one event, to find out whether the region answers at all.

        Raises:
            LookupRefused: it does not.
            CredentialsError: AWS refuses the credentials as a whole.
        """
        self._ask({"StartTime": since, "EndTime": until, "MaxResults": 1})

    def events(self, since: datetime, until: datetime, *, root_only: bool) -> Iterator[EventTypeDef]:
        """Yield the events of a span of time, both ends included, the newest first.

        Raises:
            PageTokenExpired: begin again.
            LookupRefused: the region does not answer.
            CredentialsError: AWS refuses the credentials as a whole.
        """
        request: dict[str, Any] = {"StartTime": since, "EndTime": until, "MaxResults": 50}
        if root_only:
            request["LookupAttributes"] = [{"AttributeKey": "Username", "AttributeValue": "root"}]
        while True:
            page = self._ask(request)
            yield from page.get("Events", [])
            token = page.get("NextToken")
            if not token:  # an empty page is not the last one, a page without a token is
                return
            if token == request.get("NextToken"):
                raise LookupRefused("AWS answers with the same page again and again")
            request["NextToken"] = token

    def _ask(self, request: dict[str, Any]) -> LookupEventsResponseTypeDef:
        from botocore.exceptions import BotoCoreError, ClientError

        for attempt in range(_ATTEMPTS):
            self._rate_limiter.wait(self._region, _BACKOFF.ceiling(attempt) if attempt else 0.0)
            try:
                return self._client.lookup_events(**request)
            except (BotoCoreError, ClientError) as error:
                if attempt + 1 == _ATTEMPTS or not _may_pass(error):
                    raise self._failure(error) from error
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _failure(self, error: Exception) -> SourceError:
        code = error_code(error)
        if code == "InvalidNextTokenException":
            return PageTokenExpired(f"the token for the next page expired ({code})")
        if code in _HASTE:
            return LookupRefused(
                f"throttled {_ATTEMPTS} times in a row ({code}): somebody else uses up the rate of this region"
            )
        if code in _DENIED:
            return LookupRefused(f"access denied: cloudtrail:LookupEvents is not allowed in {self._region} ({code})")
        if code in _UNKNOWN_HERE:
            return LookupRefused(f"{self._region} does not know the credentials ({code}): has the account enabled it?")
        refused = refusal(error, self._options)
        if isinstance(refused, SourceError):
            return refused
        if is_unreachable(error):
            return LookupRefused(f"cannot reach CloudTrail in {self._region}: {one_line(error)}")
        return LookupRefused(one_line(error))


def lookup_client(session: boto3.Session, region: str, rate_limiter: RateLimiter, options: AwsOptions) -> LookupClient:
    """Return a client for one region of the session's account.

    Raises:
        LookupRefused: the region is no such thing.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    # botocore repeats requests at a rate of its own; here every request waits for its slot.
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    try:
        return LookupClient(session.client("cloudtrail", region_name=region, config=config), rate_limiter, options)
    except (BotoCoreError, ValueError) as error:
        raise LookupRefused(one_line(error)) from error


def _may_pass(error: Exception) -> bool:
    """Tell whether the same request may be answered later."""
    response: dict[str, Any] = getattr(error, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in _HASTE or status >= 500 or is_unreachable(error)
