"""The accounts of an organisation, each asked by a role of the same name, some of them side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from detector.errors import CredentialsError
from detector.posture.live import ASSUME, ORGANISATION, Live, ask_about_account
from detector.sources.account_calls import Answered, NotAnswered
from detector.sources.aws_session import AccessKey
from detector.times import now

if TYPE_CHECKING:
    from detector.sources.account_calls import AccountCalls

MEMBERS: Final = "organizations:ListAccounts"
AT_A_TIME: Final = 10  # each account has a rate of its own; the organisation's is asked once


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose credentials these are."""

    calls: AccountCalls
    account_id: str
    partition: str


def ask_about_organisation(caller: Caller, role_name: str, accounts: Collection[str]) -> Iterator[Live]:
    """Ask about the caller's account and about every member, in the order in which they are listed.

    Args:
        caller: who may list accounts, and assume the role in them.
        role_name: with its path, the same in every account.
        accounts: only these; empty: all.

    Raises:
        CredentialsError: AWS refuses the caller's credentials as a whole.
    """
    listed = caller.calls.ask(MEMBERS, pages_of="Accounts")
    if not isinstance(listed, Answered):
        own = ask_about_account(caller.calls, caller.account_id, caller.partition)
        yield own.with_result(listed)
        return
    organisation = caller.calls.ask(ORGANISATION)

    def ask(account: dict[str, Any]) -> Live:
        return _ask_member(caller, account, role_name, organisation)

    members = [one for one in listed.value["Accounts"] if not accounts or one["Id"] in accounts]
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        yield from threads.map(ask, members)


def _ask_member(caller: Caller, account: dict[str, Any], role_name: str, organisation: Answered | NotAnswered) -> Live:
    account_id, known = account["Id"], {ORGANISATION: organisation}
    if account_id == caller.account_id:
        return ask_about_account(caller.calls, account_id, caller.partition, known)
    if account.get("Status") != "ACTIVE":
        return Live(account_id, caller.partition, {}, now(), inactive=str(account.get("Status")))
    role = f"arn:{caller.partition}:iam::{account_id}:role/{role_name}"
    assumed = caller.calls.ask(ASSUME, RoleArn=role, RoleSessionName="detector")
    if isinstance(assumed, NotAnswered):
        return _unasked(caller, account_id, NotAnswered(ASSUME, f"{role}: {assumed.reason}", assumed.is_denied))
    key = assumed.value["Credentials"]
    calls = caller.calls.of_key(AccessKey(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]))
    try:
        return ask_about_account(calls, account_id, caller.partition, known)
    except CredentialsError as error:  # of this account; the others may answer
        return _unasked(caller, account_id, NotAnswered(ASSUME, f"{role}: {error}", is_denied=False))


def _unasked(caller: Caller, account_id: str, why: NotAnswered) -> Live:
    return Live(account_id, caller.partition, {ASSUME: why}, now())
