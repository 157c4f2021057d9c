"""What AWS answers about one account now, as facts by check."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from detector.posture.fact import Fact, Says
from detector.posture.live import (
    ADMINISTRATORS,
    ASSUME,
    CONTACT,
    FEATURES,
    NO_ORGANISATION,
    NOT_MANAGEMENT,
    ORGANISATION,
    REPORT,
    ROLES,
    SELECTORS,
    STATUS,
    SUMMARY,
    TRAILS,
    VIRTUAL,
    Live,
)
from detector.sources.account_calls import Answered, Result
from detector.text import counted
from detector.times import rfc3339

_CREDENTIALS: Final = {
    "password": "AccountPasswordPresent",
    "keys": "AccountAccessKeysPresent",
    "certificates": "AccountSigningCertificatesPresent",
    "devices": "AccountMFAEnabled",
}


def facts_of(live: Live, check_id: str) -> list[Fact]:
    """Return what the calls say about a check; a call that was not answered makes it unsure."""
    known = LIVE_CHECKS.get(check_id)
    if known is None:
        return []
    if live.inactive is not None:
        return [
            Fact(
                live.account_id,
                live.moment,
                "",
                Says.GONE,
                f"the account is {live.inactive}",
                "organizations:ListAccounts",
            )
        ]
    facts = list(known.facts(live))
    return facts + [
        Fact(live.account_id, live.moment, one.operation, Says.UNSURE, str(one), one.operation)
        for one in live.not_answered
        if one.operation in (*known.needs, ASSUME)
    ]


def _fact(live: Live, answer: Answered, says: Says, detail: str, subject: str = "") -> Fact:
    return Fact(live.account_id, answer.time, subject, says, detail, answer.evidence)


def _count(answer: Answered | None, key: str) -> int | None:
    value = answer.value.get("SummaryMap", {}).get(key) if answer else None
    return value if isinstance(value, int) else None


def _mfa_on(live: Live) -> Iterator[Fact]:
    summary = live.answered(SUMMARY)
    enabled = _count(summary, "AccountMFAEnabled")
    if summary is None or enabled is None:
        return
    credentials = (_count(summary, "AccountPasswordPresent"), _count(summary, "AccountAccessKeysPresent"))
    if enabled:
        yield _fact(live, summary, Says.YES, "AccountMFAEnabled is 1")
    elif credentials == (0, 0):
        yield _fact(live, summary, Says.GONE, "root cannot sign in: no password, no keys, no devices")
    else:
        yield _fact(live, summary, Says.NO, "AccountMFAEnabled is 0")


def _root_devices(live: Live) -> Iterator[tuple[Answered, str, str]]:
    """Yield root's virtual devices: the answer, the serial number, when it was enrolled.

    By the whole ARN, since an IAM user may be called root and a user's device like root's.
    """
    answer = live.answered(VIRTUAL)
    root = f"arn:{live.partition}:iam::{live.account_id}:root"
    for device in answer.value.get("VirtualMFADevices", []) if answer else []:
        if answer and device.get("User", {}).get("Arn") == root:
            yield answer, str(device.get("SerialNumber", "")), str(device.get("EnableDate", "an unknown date"))


def _kind(live: Live) -> Iterator[Fact]:
    devices = list(_root_devices(live))
    yield from _off(live)
    for answer, serial, _ in devices:
        yield _fact(live, answer, Says.NO, f"virtual device {_name(serial)}", serial)
    summary = live.answered(SUMMARY)
    if summary and not devices and _count(summary, "AccountMFAEnabled"):
        # Neither passkeys nor hardware tokens are in any list that others than root may read.
        yield _fact(live, summary, Says.UNSURE, "not virtual: a passkey, security key or hardware token")


def _off(live: Live) -> Iterator[Fact]:
    """Yield that there is nothing to ask about root's devices, where MFA is off."""
    summary = live.answered(SUMMARY)
    if summary and _count(summary, "AccountMFAEnabled") == 0:
        yield _fact(live, summary, Says.GONE, "root's MFA is off")


def _two_devices(live: Live) -> Iterator[Fact]:
    yield from _off(live)
    devices = list(_root_devices(live))
    summary = live.answered(SUMMARY)
    if summary and _count(summary, "AccountMFAEnabled") and _count(summary, "MFADevicesInUse") == 1:
        yield _fact(live, summary, Says.NO, "one MFA device is in use in the whole account, and root's MFA is on")
        return
    for answer, serial, _ in devices:
        yield _fact(live, answer, Says.YES, f"virtual device {_name(serial)}", serial)


def _enrolled(live: Live) -> Iterator[Fact]:
    for answer, serial, since in _root_devices(live):
        yield _fact(live, answer, Says.YES, f"virtual device {_name(serial)} since {since}", serial)


def _none_of(key: str, what: str) -> Callable[[Live], Iterator[Fact]]:
    def facts(live: Live) -> Iterator[Fact]:
        summary = live.answered(SUMMARY)
        count = _count(summary, key)
        if summary and count is not None:
            yield _fact(live, summary, Says.NO if count else Says.YES, f"{what} present" if count else f"no {what}")

    return facts


def _unused(live: Live) -> Iterator[Fact]:
    report = live.answered(REPORT)
    if report is None:
        return
    uses: list[tuple[str, datetime]] = report.value["uses"]
    if not report.value["has_root"]:
        yield _fact(live, report, Says.UNSURE, "the credential report has no row of root")
        return
    for what, when in uses:
        yield Fact(live.account_id, when, what, Says.NO, f"{what} last used {rfc3339(when)}", report.evidence)
    if not uses:
        yield _fact(live, report, Says.YES, "password and keys never used")
    if not report.value["is_complete"]:
        yield _fact(live, report, Says.UNSURE, "more credentials than the report lists", "more credentials")


def _put_away(live: Live) -> Iterator[Fact]:
    summary, organisation = live.answered(SUMMARY), live.answered(ORGANISATION)
    if summary is None or organisation is None:
        return
    if organisation.code is not None:
        yield _fact(live, organisation, Says.GONE, "no organisation: the account keeps root's credentials")
        return
    if _management(organisation) == live.account_id:
        yield _fact(live, organisation, Says.GONE, "the management account keeps root's credentials")
        return
    counts = {what: _count(summary, key) for what, key in _CREDENTIALS.items()}
    present = ", ".join(what for what, count in counts.items() if count)
    if not present and None in counts.values():
        yield _fact(live, summary, Says.UNSURE, "not all of root's credentials are counted")
    else:
        yield _fact(live, summary, Says.NO if present else Says.YES, f"present: {present or 'nothing'}")


def _management(organisation: Answered) -> Any:  # noqa: ANN401 - as AWS has it
    return organisation.value.get("Organization", {}).get("MasterAccountId")


def _centralised(live: Live) -> Iterator[Fact]:
    features = live.answered(FEATURES)
    if features is None:
        return
    if features.code in NO_ORGANISATION:
        yield _fact(live, features, Says.GONE, "no organisation")
    elif features.code in NOT_MANAGEMENT:
        yield _fact(live, features, Says.UNSURE, "only the management account can tell")
    else:
        enabled = features.value.get("EnabledFeatures", [])
        for name in ("RootCredentialsManagement", "RootSessions"):
            is_on = name in enabled
            yield _fact(live, features, Says.YES if is_on else Says.NO, f"{name} {'on' if is_on else 'off'}", name)


def _administrators(live: Live) -> Iterator[Fact]:
    entities, roles = live.answered(ADMINISTRATORS), live.answered(ROLES)
    if entities:
        counts = {kind: len(entities.value.get(f"Policy{kind.title()}s", [])) for kind in ("user", "group", "role")}
        held = ", ".join(counted(count, kind) for kind, count in counts.items() if count)
        says = Says.YES if held else Says.NO
        yield _fact(live, entities, says, f"AdministratorAccess of {held or 'nobody'}", "AdministratorAccess")
    if roles:
        count = len(roles.value.get("Roles", []))
        yield _fact(
            live,
            roles,
            Says.YES if count else Says.NO,
            f"{counted(count, 'role')} of Identity Center",
            "Identity Center",
        )


def _contact(live: Live) -> Iterator[Fact]:
    contact = live.answered(CONTACT)
    if contact:
        has_one = contact.code is None
        yield _fact(live, contact, Says.YES if has_one else Says.NO, "set" if has_one else "there is none")


def _trails(
    judge: Callable[[Mapping[str, Any], Mapping[str, Result]], Says | None],
) -> Callable[[Live], Iterator[Fact]]:
    def facts(live: Live) -> Iterator[Fact]:
        described = live.answered(TRAILS)
        if described is None:
            return
        trails = described.value.get("trailList", [])
        if not trails:
            yield _fact(live, described, Says.NO, "there is no trail of all regions")
        for trail, more in zip(trails, live.trails, strict=True):
            says = judge(trail, more)
            if says is not None:
                name, arn = str(trail.get("Name")), str(trail.get("TrailARN"))
                yield _fact(live, described, says, f"{name} in {trail.get('HomeRegion')}", arn)

    return facts


def _flag(key: str) -> Callable[[Mapping[str, Any], Mapping[str, Result]], Says]:
    return lambda trail, _: Says.YES if trail.get(key) else Says.NO


def _logging(_: Mapping[str, Any], more: Mapping[str, Result]) -> Says | None:
    status = more[STATUS]
    if not isinstance(status, Answered):
        return None
    return Says.YES if status.value.get("IsLogging") and not status.value.get("LatestDeliveryError") else Says.NO


def _all_events(_: Mapping[str, Any], more: Mapping[str, Result]) -> Says | None:
    selectors = more[SELECTORS]
    if not isinstance(selectors, Answered):
        return None
    takes_all = any(
        basic.get("IncludeManagementEvents")
        and basic.get("ReadWriteType") == "All"
        and not basic.get("ExcludeManagementEventSources")
        for basic in selectors.value.get("EventSelectors", [])
    ) or any(
        [(field.get("Field"), field.get("Equals")) for field in advanced.get("FieldSelectors", [])]
        == [("eventCategory", ["Management"])]
        for advanced in selectors.value.get("AdvancedEventSelectors", [])
    )
    return Says.YES if takes_all else Says.NO


def _name(serial: str) -> str:
    return serial.partition("::")[2].partition(":")[2] or serial


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """How the calls answer a check."""

    needs: Collection[str]
    facts: Callable[[Live], Iterator[Fact]]
    fades_to: Says = Says.UNSURE  # AWS tells the last use: one of long ago is none of lately


LIVE_CHECKS: Final[Mapping[str, LiveCheck]] = {
    "centralised_root_on": LiveCheck({FEATURES}, _centralised),
    "contacts_set": LiveCheck({CONTACT}, _contact),
    "other_admins_exist": LiveCheck({ADMINISTRATORS, ROLES}, _administrators),
    "root_credentials_removed": LiveCheck({SUMMARY, ORGANISATION}, _put_away),
    "root_mfa_enabled": LiveCheck({VIRTUAL}, _enrolled),
    "root_mfa_on": LiveCheck({SUMMARY}, _mfa_on),
    "root_mfa_phishing_resistant": LiveCheck({SUMMARY, VIRTUAL}, _kind),
    "root_mfa_two_devices": LiveCheck({SUMMARY, VIRTUAL}, _two_devices),
    "root_no_access_keys": LiveCheck({SUMMARY}, _none_of("AccountAccessKeysPresent", "access keys")),
    "root_no_certificates": LiveCheck({SUMMARY}, _none_of("AccountSigningCertificatesPresent", "certificates")),
    "root_unused": LiveCheck({REPORT, "iam:GenerateCredentialReport"}, _unused, Says.YES),
    "trail_encrypted": LiveCheck({TRAILS}, _trails(_flag("KmsKeyId"))),
    "trail_logging": LiveCheck({TRAILS, STATUS}, _trails(_logging)),
    "trail_management_events": LiveCheck({TRAILS, SELECTORS}, _trails(_all_events)),
    "trail_multi_region": LiveCheck({TRAILS}, _trails(_flag("IsMultiRegionTrail"))),
    "trail_validated": LiveCheck({TRAILS}, _trails(_flag("LogFileValidationEnabled"))),
}
