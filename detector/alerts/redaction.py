"""Take credentials out of raw records before they leave the lake."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

REDACTED = "REDACTED"
# Deeper than any real record; parsers of other programs give up between 100 and 1,000.
_MAX_DEPTH = 100
_LONGEST_NAME = 256
_SHORT_TEXT = 256  # characters, of text that is kept in mind
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
# What text with a credential in it has, of letters and digits in lower case, unless it is in an address.
_NAMING = frozenset({*_SECRET_ENDS, *_SECRET_KEYS, "bearer"})
_STEM = re.compile(
    "|".join(sorted(word for word in _NAMING if not any(stem in word for stem in _NAMING - {word}))).encode()
)
_OTHERS = bytes(code for code in range(256) if not (code < 128 and chr(code).isalnum()))
_LOWER_CASE = bytes(range(256)).lower()
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
    if isinstance(value, str):
        return _redact_text(value, depth)
    if isinstance(value, dict):
        return _redact_object(value, depth)
    if isinstance(value, list):
        return [redact(member, depth + 1) for member in value]
    return value


def _redact_object(members: Mapping[str, Any], depth: int) -> dict[str, Any]:
    roles = {key: role for key in members if (role := _role_of(key)) is not _NO_ROLE}
    if not roles:  # as in most objects
        return {key: redact(member, depth + 1) for key, member in members.items()}
    is_pair = any(role.is_name and _names_secret(members[key]) for key, role in roles.items())
    return {
        key: REDACTED if roles.get(key, _NO_ROLE).hides(member, is_pair=is_pair) else redact(member, depth + 1)
        for key, member in members.items()
    }


@dataclass(frozen=True, slots=True)
class _Role:
    """What a key says of its value, or of the value beside it."""

    is_name: bool = False  # of a pair like `{"name": "DB_PASSWORD", "value": …}`
    is_value: bool = False  # of such a pair
    is_secret: bool = False
    is_secret_text: bool = False  # if it is text

    def hides(self, value: object, *, is_pair: bool = False) -> bool:
        """Say whether the value is a secret; `is_pair`: the one beside it names one."""
        # `true` and null are settings, not secrets: {"password": true} says that one was set.
        if value is None or isinstance(value, bool):
            return False
        return self.is_secret or (isinstance(value, str) and (self.is_secret_text or (is_pair and self.is_value)))


_NO_ROLE = _Role()


def _role_of(key: str) -> _Role:
    return _known_role(key) if len(key) <= _LONGEST_NAME else _judged(key)


def _judged(key: str) -> _Role:
    simple = _NO_WORD.sub("", key.lower())
    role = _Role(simple in _NAMES, simple in _VALUES, simple.endswith(_SECRET_ENDS), simple in _SECRET_KEYS)
    return _NO_ROLE if role == _NO_ROLE else role


# The same few hundred keys come again in every record.
_known_role = lru_cache(maxsize=8_192)(_judged)


def _names_secret(name: object) -> bool:
    return isinstance(name, str) and len(name) <= _LONGEST_NAME and _role_of(name).hides("")


def _redact_text(text: str, depth: int) -> str:
    if text.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(text)
            redacted = redact(value, depth + 1)
        except (ValueError, RecursionError):
            pass  # no JSON, or cut off, or nested too deep
        else:
            return text if redacted == value else json.dumps(redacted)
    return _known_text(text) if len(text) <= _SHORT_TEXT else _redact_words(text)


def _redact_words(text: str) -> str:
    # Looking for what is like a credential takes twenty times as long as seeing that nothing can be.
    return _IN_TEXT.sub(_without_value, text) if _may_hold_one(text) else text


def _may_hold_one(text: str) -> bool:
    is_plain = text.isascii() and not ("://" in text and "@" in text)
    if is_plain and not _STEM.search(text.encode("ascii").translate(_LOWER_CASE, _OTHERS)):
        return False
    return _MAY_HOLD_ONE.search(text) is not None


# So do addresses, user agents and ARNs.
_known_text = lru_cache(maxsize=16_384)(_redact_words)


def _without_value(match: re.Match[str]) -> str:
    before = next(group for group in (match[1], *match.groups()[3:]) if group)
    return f"{before}{match['quote'] or ''}{REDACTED}{match['end'] or ''}"
