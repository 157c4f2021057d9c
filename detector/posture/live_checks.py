"""Which calls answer which check, and what they say of it as facts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from detector.posture import live_root, live_told, live_trails
from detector.posture.fact import Fact, Says
from detector.posture.live import (
    ADMINISTRATORS,
    ALARMS,
    ASSUME,
    CONTACT,
    DETECTOR,
    DETECTORS,
    FEATURES,
    FILTERS,
    LIFECYCLE,
    OBJECT_LOCK,
    ORGANISATION,
    POLICY,
    PUBLIC_ACCESS,
    REPORT,
    ROLES,
    RULES,
    SELECTORS,
    STATUS,
    SUMMARY,
    TRAILS,
    VERSIONING,
    VIRTUAL,
    Live,
)
from detector.posture.root_session import ASSUME_ROOT, DEVICES, KEY_USES, USER
from detector.sources.account_calls import NotAnswered


def facts_of(live: Live, known: LiveCheck) -> list[Fact]:
    """Return what the calls say about a check; a call that was not answered makes it unsure."""
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
    return [
        *known.facts(live),
        *(
            Fact(live.account_id, live.moment, one.operation, Says.UNSURE, str(one), one.operation)
            for one in lacking(live, known)
        ),
    ]


def lacking(live: Live, known: LiveCheck) -> list[NotAnswered]:
    """Return the calls without whose answers a check cannot be sure."""
    if known.by_root and all(live.answered(one) for one in known.by_root):
        return []
    names = {*known.needs, *(() if TRAILS in live.results else known.by_root)}
    if not any(one in live.results for one in names):
        names |= {ASSUME, ASSUME_ROOT} if known.by_root or SUMMARY in known.needs else {ASSUME}
    return [one for one in live.not_answered if one.operation in names]


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """How the calls answer a check."""

    needs: Collection[str]
    facts: Callable[[Live], Iterator[Fact]]
    by_root: Collection[str] = ()  # what tells as much, or more, in a session of root's
    fades_to: Says = Says.UNSURE  # AWS tells the last use: one of long ago is none of lately


LIVE_CHECKS: Final[Mapping[str, LiveCheck]] = {
    "centralised_root_on": LiveCheck({FEATURES}, live_root.centralised),
    "contacts_set": LiveCheck({CONTACT}, live_root.contact),
    "other_admins_exist": LiveCheck({ADMINISTRATORS, ROLES}, live_root.administrators),
    "root_credentials_removed": LiveCheck({SUMMARY, ORGANISATION}, live_root.put_away),
    "root_mfa_enabled": LiveCheck({VIRTUAL}, live_root.enrolled, {DEVICES}),
    "root_mfa_on": LiveCheck({SUMMARY}, live_root.mfa_on),
    "root_mfa_phishing_resistant": LiveCheck({SUMMARY, VIRTUAL}, live_root.kind, {DEVICES}),
    "root_mfa_two_devices": LiveCheck({SUMMARY, VIRTUAL}, live_root.two_devices, {DEVICES}),
    "root_no_access_keys": LiveCheck({SUMMARY}, live_root.none_of("AccountAccessKeysPresent", "access keys")),
    "root_no_certificates": LiveCheck(
        {SUMMARY}, live_root.none_of("AccountSigningCertificatesPresent", "certificates")
    ),
    "root_use_is_told": LiveCheck({TRAILS, FILTERS, ALARMS, RULES, DETECTORS, DETECTOR}, live_told.told),
    "root_unused": LiveCheck({REPORT, "iam:GenerateCredentialReport"}, live_root.unused, {USER, KEY_USES}, Says.YES),
    "trail_bucket_kept": LiveCheck({TRAILS, LIFECYCLE}, live_trails.bucket_kept),
    "trail_bucket_locked": LiveCheck({TRAILS, OBJECT_LOCK, VERSIONING}, live_trails.bucket_locked),
    "trail_bucket_private": LiveCheck({TRAILS, PUBLIC_ACCESS}, live_trails.bucket_private),
    "trail_bucket_undeletable": LiveCheck({TRAILS, POLICY}, live_trails.bucket_undeletable),
    "trail_encrypted": LiveCheck({TRAILS, STATUS}, live_trails.encrypted),
    "trail_logging": LiveCheck({TRAILS, STATUS}, live_trails.logging),
    "trail_management_events": LiveCheck({TRAILS, STATUS, SELECTORS}, live_trails.management_events),
    "trail_multi_region": LiveCheck({TRAILS, STATUS}, live_trails.multi_region),
    "trail_validated": LiveCheck({TRAILS, STATUS}, live_trails.validated),
}
