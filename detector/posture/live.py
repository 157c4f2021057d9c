"""The calls about one account, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from detector.posture.credential_report import read_credential_report
from detector.posture.fact import Fact, Says
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
VERSIONING: Final = "s3:GetBucketVersioning"
OBJECT_LOCK: Final = "s3:GetObjectLockConfiguration"
PUBLIC_ACCESS: Final = "s3:GetPublicAccessBlock"
POLICY: Final = "s3:GetBucketPolicy"
LIFECYCLE: Final = "s3:GetBucketLifecycleConfiguration"
FILTERS: Final = "logs:DescribeMetricFilters"
ALARMS: Final = "cloudwatch:DescribeAlarms"
RULES: Final = "events:ListRules"
DETECTORS: Final = "guardduty:ListDetectors"
DETECTOR: Final = "guardduty:GetDetector"
ASSUME: Final = "sts:AssumeRole"

NO_ORGANISATION: Final = frozenset({"AWSOrganizationsNotInUseException", "OrganizationNotFoundException"})
NOT_MANAGEMENT: Final = frozenset({"AccountNotManagementOrDelegatedAdministratorException"})
_NOT_CENTRALISED: Final = frozenset({"OrganizationNotInAllFeaturesModeException", "ServiceAccessNotEnabledException"})
_SSO_PATH: Final = "/aws-reserved/sso.amazonaws.com/"
# What says that a bucket has none of it is an answer.
_OF_BUCKETS: Final[Mapping[str, frozenset[str]]] = {
    VERSIONING: frozenset(),
    OBJECT_LOCK: frozenset({"ObjectLockConfigurationNotFoundError"}),
    PUBLIC_ACCESS: frozenset({"NoSuchPublicAccessBlockConfiguration"}),
    POLICY: frozenset({"NoSuchBucketPolicy"}),
    LIFECYCLE: frozenset({"NoSuchLifecycleConfiguration"}),
}


@dataclass(frozen=True, slots=True)
class Live:
    """The results of all calls about one account."""

    account_id: str
    partition: str
    results: Mapping[str, Result]  # by operation
    asked: datetime
    inactive: str | None = None  # the state of an account that cannot be asked
    trails: tuple[Mapping[str, Result], ...] = ()  # what was asked about each, in the order of the trails

    def answered(self, operation: str) -> Answered | None:
        """Return the answer to a call, or None."""
        return answer_in(self.results, operation)

    def fact(self, answer: Answered, says: Says, detail: str, subject: str = "") -> Fact:
        """Return what an answer says about the account."""
        return Fact(self.account_id, answer.time, subject, says, detail, answer.evidence)

    @property
    def described_trails(self) -> Iterator[tuple[Answered, Mapping[str, Any], Mapping[str, Result]]]:
        """The answer that describes all trails, and each of them with what was asked about it."""
        described = self.answered(TRAILS)
        if described is not None:
            for trail, more in zip(described.value.get("trailList", []), self.trails, strict=True):
                yield described, trail, more

    def with_results(self, *results: Result) -> Live:
        """Return the same with more results."""
        return replace(self, results={**self.results, **{one.operation: one for one in results}})

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
    results[DETECTORS] = detectors = calls.ask(DETECTORS)
    results[RULES] = calls.ask(RULES, pages_of="Rules")
    for detector in detectors.value.get("DetectorIds", [])[:1] if isinstance(detectors, Answered) else []:
        results[DETECTOR] = calls.ask(DETECTOR, DetectorId=detector)
    report = read_credential_report(calls)
    results[report.operation] = report
    described = results[TRAILS]
    trails = tuple(
        _ask_about_trail(calls, account_id, trail)
        for trail in (described.value.get("trailList", []) if isinstance(described, Answered) else [])
    )
    return Live(account_id, partition, results, asked, trails=trails)


def _ask_about_trail(calls: AccountCalls, account_id: str, trail: Mapping[str, Any]) -> Mapping[str, Result]:
    home, arn, group = trail.get("HomeRegion"), trail.get("TrailARN", ""), trail.get("CloudWatchLogsLogGroupArn")
    more = {
        STATUS: calls.ask(STATUS, region=home, Name=arn),
        SELECTORS: calls.ask(SELECTORS, region=home, TrailName=arn),
    }
    if owner_of(trail) != account_id:  # an organisation's: its bucket and its log group are out of a member's sight
        return more
    for operation, answers in _OF_BUCKETS.items():
        more[operation] = calls.ask(operation, region=home, answers=answers, Bucket=trail.get("S3BucketName", ""))
    if group:
        name = _part(group, 6)
        more[FILTERS] = calls.ask(FILTERS, region=home, pages_of="metricFilters", logGroupName=name)
        more[ALARMS] = calls.ask(ALARMS, region=home, pages_of="MetricAlarms")
    return more


def answer_in(more: Mapping[str, Result], operation: str) -> Answered | None:
    """Return the answer to a call about a trail, or None."""
    result = more.get(operation)
    return result if isinstance(result, Answered) else None


def owner_of(trail: Mapping[str, Any]) -> str:
    """Return the account that a trail belongs to, by its ARN."""
    return _part(trail.get("TrailARN"), 4)


def _part(arn: object, number: int) -> str:
    return "".join(str(arn).split(":")[number : number + 1])
