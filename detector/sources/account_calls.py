"""Calls about the settings of one account. Only those of `account_operations.OPERATIONS` are ever made."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from detector.aws_regions import sign_in_region
from detector.sources.account_operations import BRINGS, OPERATIONS
from detector.sources.aws_errors import error_code, is_unreachable, refusal
from detector.text import one_line
from detector.times import utc_now

if TYPE_CHECKING:
    import boto3

    from detector.sources.aws_options import AwsOptions
    from detector.sources.aws_session import AccessKey

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
# Said of credentials that every other region accepts, where the account has not enabled the region.
_UNKNOWN_HERE: Final = frozenset({"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"})
_MOST_PAGES: Final = 1_000  # accounts come twenty a page


@dataclass(frozen=True, slots=True)
class Answered:
    """AWS's answer to one call; of several pages, all of them together."""

    operation: str
    value: dict[str, Any]
    time: datetime  # when AWS gave it, aware
    request_id: str
    code: str | None = None  # of an error that is an answer

    @property
    def evidence(self) -> str:
        """The call as proof."""
        return f"{self.operation}/{self.request_id}"


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """A call that AWS refused, or that failed."""

    operation: str
    reason: str
    is_denied: bool

    def __str__(self) -> str:
        """The call, and why it has no answer."""
        return f"{self.operation}: {self.reason}"


Result = Answered | NotAnswered


class AccountCalls:
    """Asks AWS about the account of a session.

    Args:
        session: whose account is asked about.
        partition: of the account.
        options: as the session was opened with.
        key: other credentials than the session's.
    """

    # A session makes one client at a time, for whichever account.
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self, session: boto3.Session, partition: str, options: AwsOptions, key: AccessKey | None = None
    ) -> None:
        self._session = session
        self._partition = partition
        self._key = key
        self._region = sign_in_region(partition)  # where services without regions answer
        self._options = options
        self._clients: dict[tuple[str, str], Any] = {}

    def of_key(self, key: AccessKey) -> AccountCalls:
        """Return the same for the account of other credentials."""
        return AccountCalls(self._session, self._partition, self._options, key)

    def ask(
        self,
        operation: str,
        *,
        region: str | None = None,
        pages_of: str | None = None,
        answers: Collection[str] = (),
        **parameters: object,
    ) -> Result:
        """Make one call.

        Args:
            operation: `service:Operation`.
            region: where it is made; None: where the partition's global services answer.
            pages_of: the list that comes in pages, with a marker.
            answers: codes of errors that answer the question, such as that there is none.
            parameters: of the request.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._ask(operation, region or self._region, pages_of, parameters)
        except ClientError as error:
            code = error_code(error)
            if code in answers:
                return _answered(operation, {}, cast("Any", error.response), code)
            if region not in (None, self._region) and code in _UNKNOWN_HERE:
                reason = f"{region} does not know the credentials ({code}): has the account enabled it?"
                return NotAnswered(operation, reason, is_denied=False)
            if code not in _DENIED and (refused := refusal(error, self._options)):
                raise refused from error
            reason = "access denied" if code in _DENIED else one_line(error)
            return NotAnswered(operation, reason, code in _DENIED)
        except BotoCoreError as error:
            if not is_unreachable(error) and (refused := refusal(error, self._options)):
                raise refused from error
            return NotAnswered(operation, one_line(error), is_denied=False)

    def _ask(self, operation: str, region: str, pages_of: str | None, parameters: dict[str, Any]) -> Result:
        brings = BRINGS.get(operation)
        items: list[Any] = []
        following: dict[str, str] | None = {}
        for _ in range(_MOST_PAGES + 1):
            page = self._call(operation, region, {**parameters, **(following or {})})
            # An empty list is an answer, an empty structure is none.
            if brings and all(page.get(member) in (None, {}) for member in brings):
                return NotAnswered(operation, "AWS's answer is empty", is_denied=False)
            if pages_of is None:
                return _answered(operation, page, page)
            items += page[pages_of]
            following = _following(page)
            if following is None:
                return NotAnswered(operation, "AWS's answer is cut off, and names no next page", is_denied=False)
            if not following:
                return _answered(operation, {pages_of: items}, page)
        return NotAnswered(operation, f"more than {_MOST_PAGES:,} pages", is_denied=False)

    def _call(self, operation: str, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        from botocore import xform_name

        if operation not in OPERATIONS:
            raise ValueError(f"{operation} is not in the list of calls")
        service, _, name = operation.partition(":")
        if (service, region) not in self._clients:
            self._clients[service, region] = self._client(service, region)
        answer: dict[str, Any] = getattr(self._clients[service, region], xform_name(name))(**parameters)
        return answer

    def _client(self, service: str, region: str) -> Any:  # noqa: ANN401 - one of many
        secrets = {}
        if self._key is not None:
            secrets = {
                "aws_access_key_id": self._key.access_key_id,
                "aws_secret_access_key": self._key.secret_access_key,
                "aws_session_token": self._key.session_token,
            }
        with self._making:
            return cast("Any", self._session).client(service, region_name=region, **secrets)


def _following(page: dict[str, Any]) -> dict[str, str] | None:
    """Return what a request for the next page adds, or nothing: each service has a marker of its own.

    None: there is more, and no marker.
    """
    if page.get("IsTruncated"):
        return {"Marker": page["Marker"]} if page.get("Marker") else None
    return {name: page[name] for name in ("NextToken", "nextToken") if page.get(name)}


def _answered(operation: str, value: dict[str, Any], response: dict[str, Any], code: str | None = None) -> Answered:
    meta = response.get("ResponseMetadata", {})
    return Answered(operation, value, _date(meta.get("HTTPHeaders", {}).get("date")), meta.get("RequestId", ""), code)


def _date(header: str | None) -> datetime:
    try:
        return parsedate_to_datetime(header or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return utc_now().replace(microsecond=0)
