"""The common part of the sinks in AWS: a client that makes one attempt, and its failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.alerts.sinks.sink import NotDelivered
from detector.sources.aws_errors import error_code, is_unreachable, refusal
from detector.sources.aws_options import AwsOptions
from detector.text import one_line

if TYPE_CHECKING:
    from botocore.config import Config

_PASSING = ("Throttl", "TooManyRequests", "LimitExceeded", "SlowDown", "Internal", "Unavailable", "Timeout", "Conflict")


# As the environment and the profile say: options for reading do not apply to writing.
OPTIONS: Final = AwsOptions()


def one_attempt() -> Config:
    """Return the settings of a client that leaves repeats to the delivery."""
    from botocore.config import Config

    return Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1, "mode": "standard"})


def is_passing(code: str) -> bool:
    """Tell whether what AWS calls so may be gone a moment later."""
    return any(part in code for part in _PASSING)


def failure(error: Exception, action: str, hint: str) -> NotDelivered:
    """Return why AWS took nothing.

    Args:
        error: of botocore.
        action: what it was asked to do, as IAM names it.
        hint: for what another attempt will not mend.
    """
    refused = refusal(error, OPTIONS)
    if refused is not None:
        return NotDelivered(str(refused), hint=refused.hint, may_recover=False)
    if is_unreachable(error):
        return NotDelivered(f"{action}: no answer: {one_line(error)}", hint="check the region and the network")
    code = error_code(error)
    if not code:
        return NotDelivered(f"{action}: {one_line(error)}", hint=hint, may_recover=False)
    response = getattr(error, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = one_line(response.get("Error", {}).get("Message", ""))
    return NotDelivered(
        f"{action}: {code}: {message}", hint=hint, may_recover=is_passing(code) or status == 429 or status >= 500
    )
