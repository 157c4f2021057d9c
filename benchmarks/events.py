"""Events as CloudTrail writes them, made from the templates of calls.toml."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from benchmarks.fill import Filler

_PLACE: Final = re.compile(r'"#(\w+)"|\$(\$|[a-z][a-z0-9]*(?:_[a-z0-9]+)*)')
_VERSIONS: Final = {"signin": "1.08", "sts": "1.08", "rds": "1.09", "s3": "1.11", "kms": "1.11", "iam": "1.11"}
_SERVICES: Final = ("lambda", "autoscaling", "dynamodb.application-autoscaling", "rds", "eks", "cloudformation")
_SDKS: Final = (
    "aws-sdk-go-v2/1.41.1 ua/2.1 os/linux lang/go#1.25.4 api/{0}#1.57.9 m/E,g",
    "Boto3/1.42.10 md/Botocore#1.42.10 ua/2.1 os/linux#6.1.159 md/arch#x86_64 lang/python#3.13.9 Botocore/1.42.10",
    "APN/1.0 HashiCorp/1.0 Terraform/1.14.1 (+https://www.terraform.io) terraform-provider-aws/6.26.0",
    "aws-sdk-java/2.40.3 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.158 lang/java#21.0.9 m/D,N",
    "aws-cli/2.32.11 md/awscrt#0.29.1 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.9",
)
_BROWSERS: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
)
_TLS: Final = (
    ',"tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256",'
    '"clientProvidedHostHeader":"{}.REGION.amazonaws.com"}}'
)
_IDENTITIES: Final = {
    "role": {
        "type": "AssumedRole",
        "principalId": "$role_id:$instance",
        "arn": "arn:aws:sts::$account:assumed-role/$role/$instance",
        "accountId": "$account",
        "accessKeyId": "$temporary_key",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "$role_id",
                "arn": "arn:aws:iam::$account:role/$role",
                "accountId": "$account",
                "userName": "$role",
            },
            "attributes": {"creationDate": "$session_start", "mfaAuthenticated": "false"},
            "ec2RoleDelivery": "2.0",
        },
    },
    "sso": {
        "type": "AssumedRole",
        "principalId": "$role_id:$user@example.com",
        "arn": "arn:aws:sts::$account:assumed-role/AWSReservedSSO_ReadOnly/$user@example.com",
        "accountId": "$account",
        "accessKeyId": "$temporary_key",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "$role_id",
                "arn": "arn:aws:iam::$account:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_ReadOnly",
                "accountId": "$account",
                "userName": "AWSReservedSSO_ReadOnly",
            },
            "attributes": {"creationDate": "$session_start", "mfaAuthenticated": "false"},
        },
    },
    "via": {
        "type": "AssumedRole",
        "principalId": "$role_id:$session",
        "arn": "arn:aws:sts::$account:assumed-role/$role/$session",
        "accountId": "$account",
        "accessKeyId": "$temporary_key",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "$role_id",
                "arn": "arn:aws:iam::$account:role/$role",
                "accountId": "$account",
                "userName": "$role",
            },
            "attributes": {"creationDate": "$session_start", "mfaAuthenticated": "false"},
        },
        "invokedBy": "SERVICE",
    },
    "user": {
        "type": "IAMUser",
        "principalId": "AIDA$upper17",
        "arn": "arn:aws:iam::$account:user/$user",
        "accountId": "$account",
        "accessKeyId": "$long_term_key",
        "userName": "$user",
    },
    "console_user": {
        "type": "IAMUser",
        "principalId": "AIDA$upper17",
        "accountId": "$account",
        "userName": "$user",
    },
    "service": {"type": "AWSService", "invokedBy": "SERVICE"},
    "account": {"type": "AWSAccount", "principalId": "$role_id:$session", "accountId": "222233334444"},
    "web": {
        "type": "WebIdentityUser",
        "principalId": "arn:aws:iam::$account:oidc-provider/oidc.eks.$region.amazonaws.com/id/$hex32:sts.amazonaws.com:"
        "system:serviceaccount:$name:$name",
        "userName": "system:serviceaccount:$name:$name",
        "identityProvider": "arn:aws:iam::$account:oidc-provider/oidc.eks.$region.amazonaws.com/id/$hex32",
    },
    "root": {
        "type": "Root",
        "principalId": "$account",
        "arn": "arn:aws:iam::$account:root",
        "accountId": "$account",
        "accessKeyId": "$temporary_key",
        "sessionContext": {"attributes": {"creationDate": "$session_start", "mfaAuthenticated": "true"}},
    },
}
_Session = tuple[str, str, str]  # userIdentity, source address, user agent
_AGAIN: Final = 0.45  # that the last call is made again
_IN_A_BROWSER: Final = {"sso", "console_user", "root"}


class Template:
    """Text with places; `%`-formatted, the fastest that Python has for this."""

    def __init__(self, text: str) -> None:
        self._names: list[str] = []
        parts: list[str] = []
        end = 0
        for place in _PLACE.finditer(text):
            parts.append(text[end : place.start()].replace("%", "%%"))
            name = place[1] or place[2]
            if name == "$":
                parts.append("$")
            else:
                parts.append("%s")
                self._names.append(name)
            end = place.end()
        self._format = "".join(parts) + text[end:].replace("%", "%%")

    def bind(self, filler: Filler) -> Callable[[], str]:
        """Return what makes a text from this template, with the filler's values."""
        places = [getattr(filler, name) for name in self._names]
        form = self._format
        return lambda: form % tuple([place() for place in places])


class Call:
    """One API call, or sign-in, of calls.toml."""

    def __init__(self, fields: dict[str, Any]) -> None:
        service, _, name = fields["name"].partition(":")
        self.weight: float = fields["weight"]
        self.callers: list[str] = fields.get("callers", ["root"])
        self.is_global: bool = fields.get("global", False)
        error_code, error_message = fields.get("error", [None, fields.get("message")])
        optional = {
            "errorCode": _json(error_code),
            "errorMessage": _json(error_message),
            "requestParameters": fields.get("parameters", "null"),
            "responseElements": fields.get("response", "null"),
            "additionalEventData": fields.get("additional"),
        }
        self.template = Template(
            f'{{"eventVersion":"{_VERSIONS.get(service, "1.10")}","userIdentity":$identity,"eventTime":"$time",'
            f'"eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"$region",'
            f'"sourceIPAddress":"$source_ip","userAgent":"$user_agent"'
            + "".join(f',"{key}":{value}' for key, value in optional.items() if value is not None)
            + f',"requestID":"$uuid","eventID":"$uuid","readOnly":{"false" if fields.get("write") else "true"}'
            + (f',"resources":{fields["resources"]}' if "resources" in fields else "")
            + f',"eventType":"{fields.get("type", "AwsApiCall")}","managementEvent":true'
            + ',"recipientAccountId":"$account"'
            + (f",{fields['extra'][1:-1]}" if "extra" in fields else "")
            + ',"eventCategory":"Management"$tail}'
        )
        self.service = service


class FileMaker:
    """Makes the records of one log file, each by some caller that is busy in it."""

    def __init__(self, filler: Filler, records: int) -> None:
        calls, root_calls = load_calls()
        self._filler = filler
        logged = [call for call in calls if filler.region() == "us-east-1" or not call.is_global]
        weights = list(accumulate(call.weight for call in logged))
        self._root_calls = root_calls
        self._root_weights = list(accumulate(call.weight for call in root_calls))
        # What is polled, paged through or retried comes again and again in one file.
        self._calls = filler.random.choices(logged, cum_weights=weights, k=4 + records // 5)
        self._last: tuple[Call, str] | None = None
        self._makers: dict[int, Callable[[], str]] = {}
        self._sessions: dict[str, _Session] = {}
        self._records, self._made = records, 0
        self._busy = 1 + records // 100  # sessions of each kind

    def record(self, *, by_root: bool) -> str:
        """Return one record as JSON."""
        call, session = self._last if self._last and self._filler.random.random() < _AGAIN else self._next()
        self._last = call, session
        if by_root:
            call, session = self._filler.random.choices(self._root_calls, cum_weights=self._root_weights)[0], "root 0"
        self._filler.caller = self._caller(session, call.service)
        self._made += 1
        self._filler.new_event(self._made / self._records)
        maker = self._makers.get(id(call))
        if maker is None:
            maker = self._makers[id(call)] = call.template.bind(self._filler)
        return maker()

    def _next(self) -> tuple[Call, str]:
        call = self._calls[int(self._filler.random.random() * len(self._calls))]
        return call, f"{self._filler.pick(call.callers)} {int(self._filler.random.random() * self._busy)}"

    def _caller(self, name: str, service: str) -> tuple[str, str, str, str]:
        """Return (userIdentity, source address, user agent, what follows the record's fields) of a session."""
        kind = name.partition(" ")[0]
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = self._new_session(kind)
        identity, address, agent = session
        if kind in ("service", "via"):
            return identity, address, agent, ""
        if kind in _IN_A_BROWSER:
            tail = ',"sessionCredentialFromConsole":"true"' if service != "signin" else ""
            return identity, address, agent, tail
        return identity, address, agent.format(service), "" if address.startswith("10.") else _TLS.format(service)

    def _new_session(self, kind: str) -> _Session:
        filler = self._filler
        identity = _identity_template(kind).bind(filler)()
        if kind in ("service", "via"):
            invoker = f"{filler.pick(_SERVICES)}.amazonaws.com"
            return identity.replace("SERVICE", invoker), invoker, invoker
        if kind in _IN_A_BROWSER:
            return identity, filler.public_ip(), filler.pick(_BROWSERS)
        address = filler.public_ip() if filler.random.random() < 0.7 else filler.private_ip()
        return identity, address, filler.pick(_SDKS)


@lru_cache(maxsize=1)
def load_calls() -> tuple[list[Call], list[Call]]:
    """Return the calls of an ordinary day, and those of root."""
    text = (Path(__file__).parent / "calls.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    return [Call(fields) for fields in document["call"]], [Call(fields) for fields in document["root"]]


@lru_cache
def _identity_template(kind: str) -> Template:
    return Template(json.dumps(_IDENTITIES[kind], separators=(",", ":")))


def _json(value: str | None) -> str | None:
    return None if value is None else json.dumps(value)
