"""Take credentials out of raw records before they leave the lake."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "REDACTED"
# CloudTrail itself hides most of these; LookupEvents, old records and other producers do not.
_SECRET_KEYS = frozenset(
    {
        "sessiontoken",
        "secretaccesskey",
        "secretkey",
        "password",
        "oldpassword",
        "newpassword",
        "masteruserpassword",
        "privatekey",
        "secretstring",
        "secretbinary",
        "authenticationcode1",
        "authenticationcode2",
        "tokencode",
        "base32stringseed",
        "qrcodepng",
        "servicepassword",
        "signintoken",
        "x-amz-security-token",
    }
)
_IN_TEXT = re.compile(
    r"""((?:%s)\\?["']?\s*[:=]\s*\\?["']?)[^"'\\&,;\s]+""" % "|".join(sorted(_SECRET_KEYS)),  # noqa: UP031 - has braces
    re.IGNORECASE,
)


def redact(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON value with the values of credential keys replaced, at any depth and in text that holds JSON."""
    match value:
        case dict():
            return {
                key: REDACTED if member is not None and _normal(key) in _SECRET_KEYS else redact(member)
                for key, member in value.items()
            }
        case list():
            return [redact(member) for member in value]
        case str():
            return _IN_TEXT.sub(rf"\1{REDACTED}", value)
        case _:
            return value


def _normal(key: str) -> str:
    return key.lower().replace("_", "")
