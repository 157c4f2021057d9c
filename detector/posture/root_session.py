"""Asking about root of a member account in a session of AssumeRoot, which may look and nothing else.

Source: "Perform a privileged task on an AWS Organizations member account", IAM User Guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from detector.errors import CredentialsError
from detector.posture.live import SUMMARY, Live
from detector.sources.account_calls import Answered, NotAnswered, Result
from detector.sources.aws_session import AccessKey

if TYPE_CHECKING:
    from detector.sources.account_calls import AccountCalls

ASSUME_ROOT: Final = "sts:AssumeRoot"
DEVICES: Final = "iam:ListMFADevices"
LOGIN_PROFILE: Final = "iam:GetLoginProfile"
USER: Final = "iam:GetUser"
KEYS: Final = "iam:ListAccessKeys"
KEY_USES: Final = "iam:GetAccessKeyLastUsed"

_TASK: Final = "IAMAuditRootUserCredentials"  # its policy allows reads of root's own credentials
_SECONDS: Final = 900  # the longest that AWS grants


def ask_as_root(calls: AccountCalls, live: Live) -> Live:
    """Return the same with what root's own credentials are; without a session only with why there is none.

    Args:
        calls: of the management account or a delegated administrator.
        live: of a member account.
    """
    assumed = calls.ask(
        ASSUME_ROOT,
        TargetPrincipal=live.account_id,
        TaskPolicyArn={"arn": f"arn:{live.partition}:iam::aws:policy/root-task/{_TASK}"},
        DurationSeconds=_SECONDS,
    )
    if isinstance(assumed, NotAnswered):
        why = NotAnswered(ASSUME_ROOT, f"root of {live.account_id}: {assumed.reason}", assumed.is_denied)
        return live.with_results(why)
    key = assumed.value["Credentials"]
    # Of the session only what its events in the logs are known by is kept.
    known = Answered(ASSUME_ROOT, {"AccessKeyId": key["AccessKeyId"]}, assumed.time, assumed.request_id)
    session = calls.of_key(AccessKey(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]))
    try:
        return live.with_results(known, *_ask(session, live))
    except CredentialsError as error:  # of this session; the others may answer
        return live.with_results(NotAnswered(ASSUME_ROOT, f"root of {live.account_id}: {error}", is_denied=False))


def _ask(session: AccountCalls, live: Live) -> Iterator[Result]:
    if live.answered(SUMMARY) is None:
        yield session.ask(SUMMARY)
    yield session.ask(DEVICES, pages_of="MFADevices")
    yield session.ask(LOGIN_PROFILE, answers={"NoSuchEntity"})
    yield session.ask(USER)
    keys = session.ask(KEYS, pages_of="AccessKeyMetadata")
    yield keys
    if isinstance(keys, Answered):
        ids = [str(key.get("AccessKeyId", "")) for key in keys.value["AccessKeyMetadata"]]
        yield _together(keys, [session.ask(KEY_USES, AccessKeyId=one) for one in ids])


def _together(keys: Answered, uses: list[Result]) -> Result:
    """Return the last uses of all keys as one answer, in the order of the keys; of several refusals the first."""
    dates = []
    for one in uses:
        if isinstance(one, NotAnswered):
            return one
        dates.append(one.value.get("AccessKeyLastUsed", {}).get("LastUsedDate"))
    return Answered(KEY_USES, {"dates": dates}, keys.time, keys.request_id)
