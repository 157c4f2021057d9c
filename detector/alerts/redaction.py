"""Take credentials out of raw records before they leave the lake."""

from __future__ import annotations

import json
import re
from typing import Any

REDACTED = "REDACTED"
# Deeper than any real record; parsers of other programs give up between 100 and 1,000.
_MAX_DEPTH = 100
# CloudTrail itself hides most of these; LookupEvents, old records and other producers do not.
_SECRET_WORDS = (
    "access_token",
    "authentication_code_1",
    "authentication_code_2",
    "auth_token",
    "base_32_string_seed",
    "client_secret",
    "id_token",
    "password",
    "private_key",
    "qr_code_png",
    "refresh_token",
    "saml_assertion",
    "secret_access_key",
    "secret_binary",
    "secret_key",
    "secret_string",
    "security_token",
    "session_token",
    "signin_token",
    "token_code",
    "web_identity_token",
)
_WORDS = "|".join(_SECRET_WORDS).replace("_", "[_-]?")
_SECRET_KEY = re.compile(rf"(?:.*[_-]|aws)?(?:{_WORDS})|[a-z]*password", re.DOTALL)
# key = value, key: "value", \\"key\\": \\"value\\" …: a quoted value ends with the same quote, or with the text.
_IN_TEXT = re.compile(
    rf"""((?:{_WORDS})\\*["']?\s*[:=]\s*)"""
    r"""(?:(?P<quote>\\*["'])(?:\\.|.)*?(?P<end>(?P=quote)|\Z)|[^"'\\&,;\s]+)""",
    re.IGNORECASE | re.DOTALL,
)


class NestedTooDeep(ValueError):  # noqa: N818 - a state of the record
    """The value is nested deeper than other programs read."""


def redact(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON value with the values of credential keys replaced, at any depth and in text that holds JSON.

    Raises:
        NestedTooDeep: beyond a depth of 100.
    """
    if depth > _MAX_DEPTH:
        raise NestedTooDeep
    match value:
        case dict():
            return {
                key: REDACTED if _is_secret(key, member) else redact(member, depth + 1) for key, member in value.items()
            }
        case list():
            return [redact(member, depth + 1) for member in value]
        case str():
            return _redact_text(value, depth)
        case _:
            return value


def _is_secret(key: str, value: object) -> bool:
    # `true` and null are settings, not secrets: {"password": true} says that one was set.
    return value is not None and not isinstance(value, bool) and _SECRET_KEY.fullmatch(key.lower()) is not None


def _redact_text(text: str, depth: int) -> str:
    if text.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(text)
            redacted = redact(value, depth + 1)
        except (ValueError, RecursionError):
            pass  # no JSON, or cut off, or nested too deep
        else:
            return text if redacted == value else json.dumps(redacted)
    if ":" not in text and "=" not in text:
        return text  # as are most; looking for two dozen words takes a while
    return _IN_TEXT.sub(_without_value, text)


def _without_value(match: re.Match[str]) -> str:
    return f"{match[1]}{match['quote'] or ''}{REDACTED}{match['end'] or ''}"
