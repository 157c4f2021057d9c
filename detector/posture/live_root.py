"""What AWS answers about root, and about who else administers an account, as facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from detector.posture.device import KINDS, kind_of, name_of
from detector.posture.fact import Fact, Says
from detector.posture.live import (
    ADMINISTRATORS,
    CONTACT,
    FEATURES,
    NO_ORGANISATION,
    NOT_MANAGEMENT,
    ORGANISATION,
    REPORT,
    ROLES,
    SUMMARY,
    VIRTUAL,
    Live,
)
from detector.posture.root_session import DEVICES, KEY_USES, KEYS, LOGIN_PROFILE, USER
from detector.sources.account_calls import Answered
from detector.text import counted
from detector.times import rfc3339

_CREDENTIALS: Final = {
    "keys": "AccountAccessKeysPresent",
    "certificates": "AccountSigningCertificatesPresent",
    "devices": "AccountMFAEnabled",
}
# What else tells of what the account summary counts: columns of the credential report, lists of root's own session.
_IN_REPORT: Final = {
    "AccountPasswordPresent": ("password_enabled",),
    "AccountAccessKeysPresent": ("access_key_1_active", "access_key_2_active"),
    "AccountSigningCertificatesPresent": ("cert_1_active", "cert_2_active"),
    "AccountMFAEnabled": ("mfa_active",),
}
_IN_SESSION: Final = {
    "AccountAccessKeysPresent": (KEYS, "AccessKeyMetadata"),
    "AccountMFAEnabled": (DEVICES, "MFADevices"),
}


def _count(answer: Answered | None, key: str) -> int | None:
    value = answer.value.get("SummaryMap", {}).get(key) if answer else None
    return value if isinstance(value, int) else None


def _password(live: Live) -> int | None:
    profile = live.answered(LOGIN_PROFILE)
    if profile is not None:
        return 1 if profile.code is None else 0
    return _count(live.answered(SUMMARY), "AccountPasswordPresent")


def _against(live: Live, key: str, *, found: bool) -> Iterator[Fact]:
    """Yield who else says that there is, or is not, what the summary says the contrary of."""
    report = live.answered(REPORT)
    for column in _IN_REPORT[key] if report else ():
        if report and report.value["flags"].get(column) is found:
            detail = f"the credential report of {rfc3339(report.time)} says that {column} is {str(found).lower()}"
            yield live.fact(report, Says.UNSURE, detail, column)
    operation, member = _IN_SESSION.get(key, ("", ""))
    listed = live.answered(operation)
    if listed and bool(listed.value[member]) is found:
        yield live.fact(listed, Says.UNSURE, f"{operation} lists {len(listed.value[member]) or 'none'}", operation)


def mfa_on(live: Live) -> Iterator[Fact]:
    """Yield whether root's MFA is on, and that there is nothing to ask where root cannot sign in."""
    summary = live.answered(SUMMARY)
    enabled = _count(summary, "AccountMFAEnabled")
    if summary is None or enabled is None:
        return
    credentials = (_password(live), _count(summary, "AccountAccessKeysPresent"))
    if enabled:
        against = list(_against(live, "AccountMFAEnabled", found=False))
        yield live.fact(summary, Says.UNSURE if against else Says.YES, "AccountMFAEnabled is 1")
        yield from against
    elif credentials == (0, 0):
        yield live.fact(summary, Says.GONE, "root cannot sign in: no password, no keys, no devices")
    else:
        yield live.fact(summary, Says.NO, "AccountMFAEnabled is 0")


def _root_devices(live: Live) -> Iterator[tuple[Answered, str, str]]:
    """Yield root's devices: the answer, the serial number, when it was enrolled.

    All of them, where a session of root's listed them; else the virtual ones, by the whole ARN of who holds them,
    since an IAM user may be called root and a user's device like root's.
    """
    if everything := live.answered(DEVICES):
        for device in everything.value.get("MFADevices", []):
            yield everything, *_device(device)
        return
    answer = live.answered(VIRTUAL)
    root = f"arn:{live.partition}:iam::{live.account_id}:root"
    for device in answer.value.get("VirtualMFADevices", []) if answer else []:
        if answer and device.get("User", {}).get("Arn") == root:
            yield answer, *_device(device)


def _device(listed: Mapping[str, Any]) -> tuple[str, str]:
    since = listed.get("EnableDate")
    return str(listed.get("SerialNumber", "")), rfc3339(since) if isinstance(since, datetime) else "an unknown date"


def kind(live: Live) -> Iterator[Fact]:
    """Yield of which kind root's devices are."""
    devices = list(_root_devices(live))
    yield from _off(live)
    for answer, serial, _ in devices:
        says = {"fido": Says.YES, "unknown": Says.UNSURE}.get(kind_of(serial), Says.NO)
        yield live.fact(answer, says, _named(serial), serial)
    summary = live.answered(SUMMARY)
    if summary and not devices and not live.answered(DEVICES) and _count(summary, "AccountMFAEnabled"):
        # Neither passkeys nor hardware tokens are in any list that others than root may read.
        yield live.fact(summary, Says.UNSURE, "not virtual: a passkey, security key or hardware token")


def _off(live: Live) -> Iterator[Fact]:
    """Yield that there is nothing to ask about root's devices, where there are none."""
    listed, summary = live.answered(DEVICES), live.answered(SUMMARY)
    enabled = _count(summary, "AccountMFAEnabled")
    if listed and not listed.value["MFADevices"]:
        if enabled:
            yield live.fact(listed, Says.UNSURE, f"{DEVICES} lists none, and AccountMFAEnabled is 1", DEVICES)
        else:
            yield live.fact(listed, Says.GONE, "root has no MFA device")
    elif summary and enabled == 0:
        yield live.fact(summary, Says.GONE, "root's MFA is off")


def two_devices(live: Live) -> Iterator[Fact]:
    """Yield root's devices, or that there is only one."""
    yield from _off(live)
    devices = list(_root_devices(live))
    summary = live.answered(SUMMARY)
    if live.answered(DEVICES) and len(devices) == 1:
        answer, serial, _ = devices[0]
        yield live.fact(answer, Says.NO, f"only {_named(serial)}")
        return
    if summary and _count(summary, "AccountMFAEnabled") and _count(summary, "MFADevicesInUse") == 1:
        yield live.fact(summary, Says.NO, "one MFA device is in use in the whole account, and root's MFA is on")
        return
    for answer, serial, _ in devices:
        yield live.fact(answer, Says.YES, _named(serial), serial)


def enrolled(live: Live) -> Iterator[Fact]:
    """Yield since when root's devices are there."""
    for answer, serial, since in _root_devices(live):
        yield live.fact(answer, Says.YES, f"{_named(serial)} since {since}", serial)


def none_of(key: str, what: str) -> Callable[[Live], Iterator[Fact]]:
    """Return what yields whether the account summary counts one of these."""

    def facts(live: Live) -> Iterator[Fact]:
        summary = live.answered(SUMMARY)
        count = _count(summary, key)
        if summary and count:
            yield live.fact(summary, Says.NO, f"{what} present")
        elif summary and count == 0:
            against = list(_against(live, key, found=True))
            yield live.fact(summary, Says.UNSURE if against else Says.YES, f"no {what}")
            yield from against

    return facts


def unused(live: Live) -> Iterator[Fact]:
    """Yield when root's password and keys were last used."""
    found = [one for one in (_in_report(live), _in_session(live)) if one]
    for answer, uses in found:
        for what, when in uses:
            detail = f"{what} last used {rfc3339(when)}"
            # A use that is yet to come is none of long ago.
            yield Fact(live.account_id, min(when, live.moment), what, Says.NO, detail, answer.evidence)
    if found and not any(uses for _, uses in found):
        yield live.fact(found[-1][0], Says.YES, "password and keys never used")
    report = live.answered(REPORT)
    if report is None or len(found) > 1:
        return
    if not report.value["has_root"]:
        yield live.fact(report, Says.UNSURE, "the credential report has no row of root")
    elif not report.value["is_current"]:
        detail = f"the credential report is of {rfc3339(report.time)}, and no newer one is to be had"
        yield live.fact(report, Says.UNSURE, detail, "age")
    elif not report.value["is_complete"]:
        yield live.fact(report, Says.UNSURE, "more credentials than the report lists", "more credentials")


def _in_report(live: Live) -> tuple[Answered, Sequence[tuple[str, datetime]]] | None:
    report = live.answered(REPORT)
    return (report, report.value["uses"]) if report and report.value["has_root"] else None


def _in_session(live: Live) -> tuple[Answered, Sequence[tuple[str, datetime]]] | None:
    """Return what root's own session tells of all of root's credentials."""
    user, keys = live.answered(USER), live.answered(KEY_USES)
    if user is None or keys is None:
        return None
    uses = {"password": user.value.get("User", {}).get("PasswordLastUsed")}
    uses |= {f"access key {number}": when for number, when in enumerate(keys.value["dates"], 1)}
    return user, [(what, when) for what, when in uses.items() if isinstance(when, datetime)]


def put_away(live: Live) -> Iterator[Fact]:
    """Yield whether a member account's root has any credentials."""
    summary, organisation = live.answered(SUMMARY), live.answered(ORGANISATION)
    if summary is None or organisation is None:
        return
    if organisation.code is not None:
        yield live.fact(organisation, Says.GONE, "no organisation: the account keeps root's credentials")
        return
    management = organisation.value["Organization"].get("MasterAccountId")
    if not management:
        yield live.fact(organisation, Says.UNSURE, f"{ORGANISATION} names no management account")
        return
    if management == live.account_id:
        yield live.fact(organisation, Says.GONE, "the management account keeps root's credentials")
        return
    counts = {"password": _password(live), **{what: _count(summary, key) for what, key in _CREDENTIALS.items()}}
    if present := ", ".join(what for what, count in counts.items() if count):
        yield live.fact(summary, Says.NO, f"present: {present}")
    elif None in counts.values():
        yield live.fact(summary, Says.UNSURE, "not all of root's credentials are counted")
    else:
        against = [fact for key in _IN_REPORT for fact in _against(live, key, found=True)]
        yield live.fact(summary, Says.UNSURE if against else Says.YES, "present: nothing")
        yield from against


def centralised(live: Live) -> Iterator[Fact]:
    """Yield whether the features of centralised root access are on."""
    features = live.answered(FEATURES)
    if features is None:
        return
    if features.code in NO_ORGANISATION:
        yield live.fact(features, Says.GONE, "no organisation")
    elif features.code in NOT_MANAGEMENT:
        yield live.fact(features, Says.UNSURE, "only the management account can tell")
    else:
        enabled = features.value.get("EnabledFeatures", [])
        for name in ("RootCredentialsManagement", "RootSessions"):
            is_on = name in enabled
            yield live.fact(features, Says.YES if is_on else Says.NO, f"{name} {'on' if is_on else 'off'}", name)


def administrators(live: Live) -> Iterator[Fact]:
    """Yield who holds AdministratorAccess, and whether Identity Center has roles here."""
    entities, roles = live.answered(ADMINISTRATORS), live.answered(ROLES)
    if entities:
        counts = {kind: len(entities.value.get(f"Policy{kind.title()}s", [])) for kind in ("user", "group", "role")}
        held = ", ".join(counted(count, kind) for kind, count in counts.items() if count)
        says = Says.YES if held else Says.UNSURE if entities.value.get("IsTruncated") else Says.NO
        yield live.fact(entities, says, f"AdministratorAccess of {held or 'nobody'}", "AdministratorAccess")
    if roles:
        count = len(roles.value.get("Roles", []))
        says = Says.YES if count else Says.NO
        yield live.fact(roles, says, f"{counted(count, 'role')} of Identity Center", "Identity Center")


def contact(live: Live) -> Iterator[Fact]:
    """Yield whether there is a security contact."""
    contact = live.answered(CONTACT)
    if contact and contact.code is not None:
        yield live.fact(contact, Says.NO, "there is none")
    elif contact and contact.value["AlternateContact"].get("EmailAddress"):
        yield live.fact(contact, Says.YES, "set")
    elif contact:
        yield live.fact(contact, Says.UNSURE, f"{CONTACT} tells no address")


def _named(serial: str) -> str:
    return f"{KINDS[kind_of(serial)]} {name_of(serial)}"
