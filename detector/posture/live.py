"""The calls about one account, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from detector.posture.credential_report import read_credential_report
from detector.sources.account_calls import Answered, NotAnswered, Result
from detector.times import now

if TYPE_CHECKING:
    from detector.sources.account_calls import AccountCalls

SUMMARY: Final = "iam:GetAccountSummary"
VIRTUAL: Final = "iam:ListVirtualMFADevices"
REPORT: Final = "iam:GetCredentialReport"
FEATURES: Final = "iam:ListOrganizationsFeatures"
ADMINISTRATORS: Final = "iam:ListEntitiesForPolicy"
ROLES: Final = "iam:ListRoles"
CONTACT: Final = "account:GetAlternateContact"
ORGANISATION: Final = "organizations:DescribeOrganization"
TRAILS: Final = "cloudtrail:DescribeTrails"
STATUS: Final = "cloudtrail:GetTrailStatus"
SELECTORS: Final = "cloudtrail:GetEventSelectors"
ASSUME: Final = "sts:AssumeRole"

NO_ORGANISATION: Final = frozenset({"AWSOrganizationsNotInUseException", "OrganizationNotFoundException"})
NOT_MANAGEMENT: Final = frozenset({"AccountNotManagementOrDelegatedAdministratorException"})
_NOT_CENTRALISED: Final = frozenset({"OrganizationNotInAllFeaturesModeException", "ServiceAccessNotEnabledException"})
_SSO_PATH: Final = "/aws-reserved/sso.amazonaws.com/"


@dataclass(frozen=True, slots=True)
class Live:
    """The results of all calls about one account."""

    account_id: str
    partition: str
    results: Mapping[str, Result]  # by operation
    asked: datetime
    inactive: str | None = None  # the state of an account that cannot be asked
    trails: tuple[Mapping[str, Result], ...] = ()  # the status and the selectors of each, in the order of the trails

    def answered(self, operation: str) -> Answered | None:
        """Return the answer to a call, or None."""
        result = self.results.get(operation)
        return result if isinstance(result, Answered) else None

    def with_result(self, result: Result) -> Live:
        """Return the same with one more result."""
        return replace(self, results={**self.results, result.operation: result})

    @property
    def not_answered(self) -> list[NotAnswered]:
        """The calls that were refused or failed, each once."""
        return list({one.operation: one for one in self._all if isinstance(one, NotAnswered)}.values())

    @property
    def moment(self) -> datetime:
        """When the last answer was given; without one, when it was asked."""
        return max((one.time for one in self._all if isinstance(one, Answered)), default=self.asked)

    @property
    def _all(self) -> list[Result]:
        return [*self.results.values(), *(one for trail in self.trails for one in trail.values())]


def ask_about_account(
    calls: AccountCalls, account_id: str, partition: str, known: Mapping[str, Result] = MappingProxyType({})
) -> Live:
    """Make all calls, but for those whose results are known.

    Raises:
        CredentialsError: AWS refuses the credentials as a whole.
    """
    asked = now()
    policy = f"arn:{partition}:iam::aws:policy/AdministratorAccess"
    results: dict[str, Result] = {
        SUMMARY: calls.ask(SUMMARY),
        VIRTUAL: calls.ask(VIRTUAL, pages_of="VirtualMFADevices", AssignmentStatus="Assigned"),
        FEATURES: calls.ask(FEATURES, answers=_NOT_CENTRALISED | NOT_MANAGEMENT | NO_ORGANISATION),
        ADMINISTRATORS: calls.ask(ADMINISTRATORS, PolicyArn=policy),
        ROLES: calls.ask(ROLES, pages_of="Roles", PathPrefix=_SSO_PATH),
        CONTACT: calls.ask(CONTACT, answers={"ResourceNotFoundException"}, AlternateContactType="SECURITY"),
        ORGANISATION: known.get(ORGANISATION) or calls.ask(ORGANISATION, answers=NO_ORGANISATION),
        TRAILS: calls.ask(TRAILS, includeShadowTrails=True),
    }
    report = read_credential_report(calls)
    results[report.operation] = report
    described = results[TRAILS]
    trails = tuple(
        {
            operation: calls.ask(operation, region=trail.get("HomeRegion"), **{name: trail.get("TrailARN", "")})
            for operation, name in ((STATUS, "Name"), (SELECTORS, "TrailName"))
        }
        for trail in (described.value.get("trailList", []) if isinstance(described, Answered) else [])
    )
    return Live(account_id, partition, results, asked, trails=trails)
