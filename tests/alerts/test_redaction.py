"""No credential of a log gets into an alert."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alerts.alert import make_alert
from detector.alerts.formats.json_line import json_line
from detector.alerts.record_text import shown_record
from detector.alerts.redaction import REDACTED, redact

from .samples import NOW, event, finding

SECRET = "wJalr,XUt nFEMI/K7&MDENG+b='Px"  # separators of every form in it
KEYS = [
    "sessionToken", "SessionToken", "session_token", "aws_session_token", "secretAccessKey", "SecretAccessKey",
    "aws_secret_access_key", "awsSecretAccessKey", "password", "newPassword", "masterUserPassword", "privateKey",
    "secretString", "SecretBinary", "authenticationCode1", "authenticationCode2", "X-Amz-Security-Token", "tokenCode",
    "base32StringSeed", "qrCodePNG", "clientSecret", "webIdentityToken", "SAMLAssertion", "signinToken", "accessToken",
]  # fmt: skip
INNOCENT = [
    "passwordLastUsed", "nextToken", "accessKeyId", "keyId", "eventName", "tokenExpiry", "secretId",
    "passwordResetRequired", "PasswordData2",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_the_value_of_a_credential_key_is_replaced_at_any_depth(key: str) -> None:
    value = {"a": [{"b": {key: SECRET}}], key: {"nested": SECRET}, "c": json.dumps({"d": [{key: SECRET}]})}
    text = json.dumps(redact(value))
    assert text.count(REDACTED) == 3
    for piece in ("wJalr", "XUt", "FEMI", "MDENG", "Px"):
        assert piece not in text


@pytest.mark.parametrize("key", INNOCENT)
def test_other_keys_keep_their_value(key: str) -> None:
    value = {key: "value", "text": json.dumps({key: "value"}), "cut": f'{{"{key}": "value", "x'}
    assert redact(value) == value


def test_what_only_says_that_there_is_one_is_kept() -> None:
    value = {"password": None, "newPassword": True, "sessionToken": False}
    assert redact(value) == value


@pytest.mark.parametrize(
    "text",
    [
        'cut off {"password": "%s", "x": "y',
        "cut off {'password': '%s'",
        'cut off {"a": {\\"password\\": \\"%s\\", \\"x',
        'cut off {\\\\\\"sessionToken\\\\\\" : \\\\\\"%s\\\\\\"',
        'ends inside "secretAccessKey":"%s',
        '{"password":"%s"',
    ],
)
def test_text_that_is_nearly_json_is_searched_too(text: str) -> None:
    redacted = redact(text % SECRET.replace("'", ""))
    assert REDACTED in redacted
    for piece in ("wJalr", "XUt", "FEMI", "MDENG", "Px"):
        assert piece not in redacted


@pytest.mark.parametrize("text", ["x?sessionToken=%s&y=1", "password: %s, and", "AWS_SECRET_ACCESS_KEY=%s other"])
def test_text_of_another_form_is_searched_too(text: str) -> None:
    redacted = redact(text % "wJalrXUtnFEMI/K7MDENG+bPx")
    assert redacted == text % REDACTED


def test_text_around_a_secret_stays() -> None:
    assert redact('GET /?a=1&X-Amz-Security-Token=abc&b=2 "agent"') == (
        f'GET /?a=1&X-Amz-Security-Token={REDACTED}&b=2 "agent"'
    )


def test_json_in_json_in_json_is_opened() -> None:
    text = json.dumps({"a": json.dumps([json.dumps({"sessionToken": SECRET})])})
    redacted = redact(text)
    assert json.loads(json.loads(json.loads(redacted)["a"])[0]) == {"sessionToken": REDACTED}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(json_values)
def test_a_value_without_credentials_is_unchanged(value: object) -> None:
    assert redact(value) == value
    assert redact(json.dumps(value)) == json.dumps(value)


def test_summary_context_and_user_agent_are_redacted_as_well() -> None:
    alert = make_alert(
        finding(summary="used sessionToken=abc123", context={"parameters": json.dumps({"password": "abc123"})}),
        [event(record={"responseElements": {"credentials": {"sessionToken": "abc123"}}}, user_agent="password=abc123")],
        NOW,
    )
    assert "abc123" not in repr(alert)


@pytest.mark.parametrize(
    "key",
    ["stsSessionToken", "userAccessToken", "certificatePrivateKey", "oidcClientSecret", "apiKey", "x-api-key",
     "preSharedKey", "X-Amz-Signature", "Authorization", "DB_PASSWORD", "passwordHash", "pass\u200bword"],
)  # fmt: skip
def test_a_prefix_or_another_way_of_writing_hides_no_credential_key(key: str) -> None:
    assert redact({key: "hidden"}) == {key: REDACTED}


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("curl/8 (Authorization: Bearer %s)", "curl/8 (Authorization: Bearer REDACTED"),
        ("curl Authorization: Basic %s", "curl Authorization: Basic REDACTED"),
        ("https://b.s3.amazonaws.com/k?Expires=1&Signature=%s&x=2", None),
        ("https://user:%s@host/", None),
        ("aws-cli --password %s next", None),
        ('invalid SecretAccessKey "%s"', None),
        ("<SessionToken>%s</SessionToken>", None),
        ("a -----BEGIN RSA PRIVATE KEY-----\n%s\n", "a -----BEGIN RSA PRIVATE KEY-----REDACTED"),
    ],
)
def test_credentials_in_text_go_and_the_rest_stays(text: str, safe: str | None) -> None:
    assert redact(text % "wJalrXUtnFEMIbPxRfi") == (safe or text % REDACTED)


@pytest.mark.parametrize(("name", "value"), [("name", "value"), ("Key", "Value"), ("parameterKey", "parameterValue")])
def test_of_a_pair_the_value_goes_when_the_name_is_a_credentials(name: str, value: str) -> None:
    pairs = [{name: "DB_PASSWORD", value: "hidden"}, {name: "colour", value: "blue"}]
    assert redact(pairs) == [{name: "DB_PASSWORD", value: REDACTED}, pairs[1]]


secret_values = st.sampled_from(
    ["a", "sessionToken=abc", '{"password": "abc"}', "Bearer abcdefghij", "é\x7f\ud800", "x" * 300]
)
members = st.dictionaries(
    st.sampled_from(["name", "value", "password", "Key", "tokenCode", "a"]), secret_values | st.booleans(), max_size=3
)
texts = st.sampled_from(["userAgent", "errorMessage", "eventName", "requestID", "vpcEndpointId"])
documents = st.sampled_from(["requestParameters", "responseElements", "additionalEventData", "serviceEventDetails"])
unknown = st.sampled_from(["name", "value", "password", "new"])


@given(
    st.dictionaries(texts, secret_values, max_size=3),
    st.dictionaries(documents, members | st.lists(members, max_size=2) | secret_values | st.none(), max_size=3),
    st.dictionaries(unknown, secret_values, max_size=2),
    st.dictionaries(st.sampled_from(["type", "arn", "userName", "password"]), secret_values, max_size=2),
)
@settings(deadline=None)
def test_a_record_is_redacted_as_if_it_were_looked_at_as_a_whole(
    text: dict[str, str], document: dict[str, Any], more: dict[str, str], identity: dict[str, str]
) -> None:
    record: dict[str, Any] = {**text, **document, **more, "userIdentity": identity, "readOnly": True}
    logged = event(record=record).record
    shown = shown_record(logged)
    assert shown is not None
    assert json.loads(bytes(shown)) == json.loads(json_line(redact(json.loads(logged))))
