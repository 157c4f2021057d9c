"""The public keys with which CloudTrail signs digests, asked for region by region.

Source: "ListPublicKeys", AWS CloudTrail API Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from detector.sources.aws_errors import denial_reason, error_code, is_unreachable, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import open_session
from detector.text import one_line
from detector.times import rfc3339

if TYPE_CHECKING:
    import boto3

Span = tuple[datetime, datetime]
_REGIONS_AT_ONCE: Final = 8
_MOST_PAGES: Final = 1_000
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})


@dataclass(frozen=True, slots=True)
class AnsweredPage:
    """One answer of ListPublicKeys, as it came over the wire, and what was asked."""

    region: str
    endpoint: str
    request: Mapping[str, str]  # StartTime, EndTime, NextToken
    date: str | None  # of AWS's clock, as its header has it
    request_id: str | None
    body: str


@dataclass(frozen=True, slots=True)
class PublicKeyAnswers:
    """What AWS said, and where it said nothing."""

    answers: Mapping[str, Any] = field(default_factory=dict)  # region → an answer of ListPublicKeys, as JSON
    refused: Mapping[str, str] = field(default_factory=dict)  # region → why there is none
    pages: tuple[AnsweredPage, ...] = ()  # of the answers


def list_public_keys(spans: Mapping[str, Span], aws: AwsOptions) -> PublicKeyAnswers:
    """Ask each region for the keys that were valid in a span of time.

    Args:
        spans: region → from when to when.
        aws: how to reach AWS; the endpoint is that of S3 and not meant here.

    Raises:
        CredentialsError: there are no credentials.
        UsageError: the profile does not exist.
    """
    if not spans:
        return PublicKeyAnswers()
    session = open_session(aws)
    # The names come from keys of objects: only a region that exists is spoken to.
    known = {region for name in session.get_available_partitions() for region in _regions(session, name)}
    answers: dict[str, Any] = {}
    refused = {
        region: f"{region} is no region that this installation knows: update boto3, or give --keys FILE"
        for region in spans
        if region not in known
    }
    asked = {region: span for region, span in spans.items() if region in known}
    pages: dict[str, list[AnsweredPage]] = {region: [] for region in asked}
    with ThreadPoolExecutor(_REGIONS_AT_ONCE, thread_name_prefix="public-keys") as pool:
        for region, answer in pool.map(
            lambda region: (region, _ask(session, region, asked[region], aws, pages[region])), asked
        ):
            if isinstance(answer, str):
                refused[region] = answer
            else:
                answers[region] = answer
    return PublicKeyAnswers(answers, refused, tuple(page for region in answers for page in pages[region]))


def _regions(session: boto3.Session, partition: str) -> list[str]:
    return session.get_available_regions("cloudtrail", partition_name=partition)


def _ask(
    session: boto3.Session, region: str, span: Span, aws: AwsOptions, pages: list[AnsweredPage]
) -> dict[str, Any] | str:
    """Return all pages of one region as one answer, or why there is none; note each as it came."""
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    request: dict[str, Any] = {"StartTime": span[0], "EndTime": span[1]}
    listed: list[dict[str, Any]] = []
    try:
        config = Config(retries={"mode": "standard", "total_max_attempts": 4})
        client = session.client("cloudtrail", region_name=region, config=config)

        def note(http_response: Any, **_more: Any) -> None:  # noqa: ANN401 - botocore's
            pages.append(_page(region, client.meta.endpoint_url, request, http_response))

        client.meta.events.register("after-call.cloudtrail.ListPublicKeys", note)
        for _ in range(_MOST_PAGES):
            page = client.list_public_keys(**request)
            listed += [_as_json(key) for key in page.get("PublicKeyList", [])]
            token = page.get("NextToken")
            if not token:
                return {"PublicKeyList": listed}
            if token == request.get("NextToken"):
                break
            request["NextToken"] = token
    except (BotoCoreError, ClientError) as error:
        return _reason(region, error, aws)
    return f"{region} answers ListPublicKeys with page after page"


def _page(region: str, endpoint: str, request: Mapping[str, Any], answer: Any) -> AnsweredPage:  # noqa: ANN401
    asked = {name: rfc3339(value) if isinstance(value, datetime) else str(value) for name, value in request.items()}
    date, request_id = answer.headers.get("Date"), answer.headers.get("x-amzn-RequestId")
    return AnsweredPage(region, endpoint, asked, date, request_id, answer.content.decode("utf-8", "replace"))


def _reason(region: str, error: Exception, aws: AwsOptions) -> str:
    from botocore.exceptions import ClientError

    if error_code(error) in _DENIED:
        return f"access denied: cloudtrail:ListPublicKeys is not allowed in {region}"
    if is_unreachable(error):
        return f"cannot reach CloudTrail in {region}: {one_line(error)}"
    # An account that has not enabled a region is a stranger there: a code says so of this region alone.
    if not isinstance(error, ClientError) and (refused := refusal(error, aws)):
        raise refused from error
    return f"ListPublicKeys in {region}: {denial_reason(error, 'cloudtrail:ListPublicKeys')}"


def _as_json(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return a key as the API has it on the wire."""
    import base64

    return {
        "Value": base64.b64encode(key.get("Value", b"")).decode(),
        "ValidityStartTime": _seconds(key.get("ValidityStartTime")),
        "ValidityEndTime": _seconds(key.get("ValidityEndTime")),
        "Fingerprint": key.get("Fingerprint", ""),
    }


def _seconds(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
