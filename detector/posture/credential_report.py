"""Root's row of IAM's credential report.

Source: "Get credential reports for your AWS account", IAM User Guide.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from detector.backoff import Backoff
from detector.sources.account_calls import Answered, NotAnswered, Result

GET: Final = "iam:GetCredentialReport"
GENERATE: Final = "iam:GenerateCredentialReport"
_ABSENT: Final = frozenset({"ReportNotPresent", "ReportExpired"})
_NOT_YET: Final = frozenset({"ReportInProgress"})
_ATTEMPTS: Final = 8
_BACKOFF: Final = Backoff(first_seconds=1, longest_seconds=8, least_share=1)
_MOST_BYTES: Final = 50_000_000
_OLDEST: Final = timedelta(hours=4)  # AWS makes no newer one before
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_NOTHING: Final = frozenset({"", "n/a", "no_information", "not_supported", "false"})
_USES: Final = {
    "password_last_used": "password",
    "access_key_1_last_used_date": "access key 1",
    "access_key_2_last_used_date": "access key 2",
}
_FLAGS: Final = (
    "password_enabled",
    "mfa_active",
    "access_key_1_active",
    "access_key_2_active",
    "cert_1_active",
    "cert_2_active",
)


class Asks(Protocol):
    """What makes the calls."""

    def ask(self, operation: str, *, answers: frozenset[str] = ...) -> Result:
        """Make one call; an error of these codes is an answer."""
        ...


def read_credential_report(calls: Asks, sleep: Callable[[float], None] = time.sleep) -> Result:
    """Return root's row as of when the report was made: `has_root`, `uses`, `flags`, `is_complete`, `is_current`.

    One that is there is taken as it is, up to four hours old: making a new one takes its place. Of an older one a new
    one is asked for, once.
    """
    was_old = False
    for attempt in range(1, _ATTEMPTS + 1):
        result = calls.ask(GET, answers=_ABSENT | _NOT_YET)
        if not isinstance(result, Answered):
            return result
        if result.code is None and (was_old or _is_current(result)):
            return _parse(result)
        if result.code is None or result.code in _ABSENT:
            was_old = was_old or result.code is None
            made = calls.ask(GENERATE)
            if not isinstance(made, Answered):
                return made
        if attempt > 1:
            sleep(_BACKOFF.seconds(attempt - 1))
    return NotAnswered(GET, "the credential report was not ready in time", is_denied=False)


def _parse(answer: Answered) -> Result:
    content = answer.value.get("Content", b"")
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError("too large")  # noqa: TRY301 - told like what cannot be parsed
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8", "replace"))))
        root = next((row for row in rows if row.get("user") == "<root_account>"), None)
        value = {"has_root": root is not None, "is_current": _is_current(answer), "uses": [], "is_complete": True}
        value |= {"flags": {}} if root is None else {"flags": _flags(root), **_uses(root)}
    except (csv.Error, ValueError) as error:
        return NotAnswered(GET, f"the credential report cannot be read: {error}", is_denied=False)
    return Answered(GET, value, _made(answer) or answer.time, answer.request_id)


def _made(answer: Answered) -> datetime | None:
    made = answer.value.get("GeneratedTime")
    return made.astimezone(UTC) if isinstance(made, datetime) else None


def _is_current(answer: Answered) -> bool:
    made = _made(answer)
    return made is not None and -_CLOCKS_DIFFER <= answer.time - made <= _OLDEST + _CLOCKS_DIFFER


def _flags(row: dict[Any, Any]) -> dict[str, bool]:
    """Return what the row says yes or no to; `not_supported` and `N/A` are neither."""
    told = {column: str(row.get(column)).lower() for column in _FLAGS}
    return {column: text == "true" for column, text in told.items() if text in ("true", "false")}


def _uses(row: dict[Any, Any]) -> dict[str, Any]:
    uses = []
    for column, what in _USES.items():
        text = str(row.get(column) or "")
        if not text:
            raise ValueError(f"root's row has no {column}")
        if text.lower() not in _NOTHING:
            uses.append((what, _moment(text)))
    more = str(row.get("additional_credentials_info") or "")
    return {"uses": uses, "is_complete": more.lower() in _NOTHING}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
