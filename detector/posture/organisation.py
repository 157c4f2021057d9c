"""The accounts of an organisation, each asked by a role of the same name or as its root, some of them side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from detector.errors import CredentialsError
from detector.posture.live import ASSUME, ORGANISATION, Live, ask_about_account
from detector.posture.root_session import ASSUME_ROOT, ask_as_root
from detector.sources.account_calls import Answered, NotAnswered, Result
from detector.sources.aws_session import AccessKey
from detector.times import now

if TYPE_CHECKING:
    from detector.sources.account_calls import AccountCalls

MEMBERS: Final = "organizations:ListAccounts"
AT_A_TIME: Final = 10  # each account has a rate of its own; the organisation's is asked once


@dataclass(frozen=True, slots=True)
class Ways:
    """How members are asked: by a role of this name in each, as root by AssumeRoot, or by both."""

    role_name: str | None = None  # with its path
    assume_root: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose credentials these are."""

    calls: AccountCalls
    account_id: str
    partition: str


def ask_about_organisation(caller: Caller, ways: Ways, accounts: Collection[str]) -> Iterator[Live]:
    """Ask about the caller's account and about every member, in the order in which they are listed.

    Args:
        caller: who may list accounts, and ask about members in these ways.
        ways: the same for every account but the caller's.
        accounts: only these; empty: all.

    Raises:
        CredentialsError: AWS refuses the caller's credentials as a whole.
    """
    listed = caller.calls.ask(MEMBERS, pages_of="Accounts")
    if not isinstance(listed, Answered):
        own = ask_about_account(caller.calls, caller.account_id, caller.partition)
        yield own.with_results(listed)
        return
    organisation = caller.calls.ask(ORGANISATION)

    def ask(account: dict[str, Any]) -> Live:
        return _ask_member(caller, account, ways, organisation)

    members = [one for one in listed.value["Accounts"] if not accounts or one["Id"] in accounts]
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        yield from threads.map(ask, members)


def _ask_member(caller: Caller, account: dict[str, Any], ways: Ways, organisation: Result) -> Live:
    account_id, known = account["Id"], {ORGANISATION: organisation}
    if account_id == caller.account_id:
        return ask_about_account(caller.calls, account_id, caller.partition, known)
    live = Live(account_id, caller.partition, {}, now())
    if account.get("Status") != "ACTIVE":
        return replace(live, inactive=str(account.get("Status")))
    if ways.role_name is not None:
        live = _ask_by_role(caller, account_id, ways.role_name, known)
    if ways.assume_root:
        live = ask_as_root(caller.calls, live)
        live = live.with_results(organisation) if live.answered(ASSUME_ROOT) else live
    return live


def _ask_by_role(caller: Caller, account_id: str, role_name: str, known: Mapping[str, Result]) -> Live:
    role = f"arn:{caller.partition}:iam::{account_id}:role/{role_name}"
    assumed = caller.calls.ask(ASSUME, RoleArn=role, RoleSessionName="detector")
    if isinstance(assumed, NotAnswered):
        why = NotAnswered(ASSUME, f"{role}: {assumed.reason}", assumed.is_denied)
        return Live(account_id, caller.partition, {ASSUME: why}, now())
    key = assumed.value["Credentials"]
    calls = caller.calls.of_key(AccessKey(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]))
    try:
        return ask_about_account(calls, account_id, caller.partition, known)
    except CredentialsError as error:  # of this account; the others may answer
        why = NotAnswered(ASSUME, f"{role}: {error}", is_denied=False)
        return Live(account_id, caller.partition, {ASSUME: why}, now())
