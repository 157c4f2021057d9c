"""Take credentials out of raw records before they leave the lake."""

from __future__ import annotations

import json
import re
from typing import Any

REDACTED = "REDACTED"
# Deeper than any real record; parsers of other programs give up between 100 and 1,000.
_MAX_DEPTH = 100
_LONGEST_NAME = 256
# CloudTrail itself hides most of these; LookupEvents, old records and other producers do not.
_SECRET_WORDS = (
    "access_token",
    "api_key",
    "authentication_code_1",
    "authentication_code_2",
    "auth_token",
    "authorization_token",
    "base_32_string_seed",
    "bearer_token",
    "client_secret",
    "code_verifier",
    "connection_string",
    "device_code",
    "id_token",
    "key_material",
    "oauth_token",
    "passphrase",
    "passwd",
    "password",
    "password_hash",
    "password_plain",
    "plaintext",
    "pre_shared_key",
    "private_key",
    "qr_code_png",
    "refresh_token",
    "saml_assertion",
    "secret_access_key",
    "secret_binary",
    "secret_key",
    "secret_string",
    "security_token",
    "service_account_key",
    "session_token",
    "shared_secret",
    "signature",
    "signin_token",
    "sso_token",
    "token_code",
    "web_identity_token",
)
_WORDS = "|".join(_SECRET_WORDS).replace("_", "[_-]?")
# Of a key only letters and digits count, and its end: `stsSessionToken`, `X-Amz-Security-Token`.
_NO_WORD = re.compile(r"[^a-z0-9]+")
_SECRET_ENDS = tuple(_NO_WORD.sub("", word) for word in _SECRET_WORDS)
_SECRET_KEYS = frozenset(
    {"authorization", "cookie", "dbpass", "jwt", "pass", "pwd", "secret", "token", "userdata", "userpass"}
)
_NAMES, _VALUES = ("name", "key", "parametername", "parameterkey"), ("value", "parametervalue")
_IN_TEXT = re.compile(
    # key = value, key: "value", \\"key\\": \\"value\\" …: a quoted value ends with the same quote, or with the text.
    rf"""((?:{_WORDS}|authorization)\\*["']?\s*(?:[:=]\s*(?:(?:basic|bearer)\s+)?|\s(?=["'])))"""
    r"""(?:(?P<quote>\\*["'])(?:\\.|.)*?(?P<end>(?P=quote)|\Z)|[^"'\\&,;\s]+)"""
    rf"|(<(?:\w+:)?(?:{_WORDS})>)[^<]++"
    rf"|(--(?:{_WORDS})\s++)\S++"
    r"|(\bbearer\s+)[\w.~+/=-]{8,}"
    r"|(://[^/\s:@]*+:)[^/\s@]++(?=@)"
    r"|(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)(?:(?!-----END).)*+",
    re.IGNORECASE | re.DOTALL,
)
_MAY_HOLD_ONE = re.compile(r"[:=<\"']|--|bearer", re.IGNORECASE)


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
            hidden = _VALUES if any(_simple(key) in _NAMES and _names_secret(value[key]) for key in value) else ()
            return {
                key: REDACTED
                if _is_secret(key, member) or (_simple(key) in hidden and isinstance(member, str))
                else redact(member, depth + 1)
                for key, member in value.items()
            }
        case list():
            return [redact(member, depth + 1) for member in value]
        case str():
            return _redact_text(value, depth)
        case _:
            return value


def _is_secret(key: str, value: object) -> bool:
    # `true` and null are settings, not secrets: {"password": true} says that one was set.
    if value is None or isinstance(value, bool):
        return False
    simple = _simple(key)
    return simple.endswith(_SECRET_ENDS) or (simple in _SECRET_KEYS and isinstance(value, str))


def _names_secret(name: object) -> bool:
    """Tell of a pair like `{"name": "DB_PASSWORD", "value": …}` whether its value is one."""
    return isinstance(name, str) and len(name) <= _LONGEST_NAME and _is_secret(name, "")


def _simple(key: str) -> str:
    return _NO_WORD.sub("", key.lower())


def _redact_text(text: str, depth: int) -> str:
    if text.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(text)
            redacted = redact(value, depth + 1)
        except (ValueError, RecursionError):
            pass  # no JSON, or cut off, or nested too deep
        else:
            return text if redacted == value else json.dumps(redacted)
    if not _MAY_HOLD_ONE.search(text):
        return text  # looking for all these words takes a while
    return _IN_TEXT.sub(_without_value, text)


def _without_value(match: re.Match[str]) -> str:
    before = next(group for group in (match[1], *match.groups()[3:]) if group)
    return f"{before}{match['quote'] or ''}{REDACTED}{match['end'] or ''}"
