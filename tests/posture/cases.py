"""Records of each check: such that make it pass, fail, unknown, and near misses. An account each."""

from __future__ import annotations

from fixtures import callers
from fixtures.callers import Json
from fixtures.calls import assume_root
from fixtures.story import Story
from tests.posture.monitor_cases import MONITOR_CASES
from tests.posture.scene import IP, KEY, Case, Scene, Tell, at, nothing, told

MEMBER = "999988887777"


VAULT, PHONE, SMS, TOKEN = "u2f/root/vault-1", "mfa/old-phone", "sms-mfa/root", "ABCD12345678"


def _contact(action: str, kind: str) -> Tell:
    return lambda s: s.by_bob("03-02", f"account:{action}AlternateContact", {"alternateContactType": kind})


def _attach(action: str, policy: str) -> Tell:
    return lambda s: s.by_bob(
        "03-02", f"iam:{action}", {"userName": "eve", "policyArn": f"arn:aws:iam::aws:policy/{policy}"}
    )


def _switch(name: str, time: str = "03-02") -> Tell:
    return lambda s: s.by_bob(time, f"iam:{name}")


CREDENTIALS, SESSIONS = "OrganizationsRootCredentialsManagement", "OrganizationsRootSessions"


def _key(time: str, action: str, **request: str) -> Tell:
    answer: Json | None = (
        {"accessKey": {"accessKeyId": KEY, "status": "Active"}} if action == "CreateAccessKey" else None
    )
    return lambda s: s.by_root(time, f"iam:{action}", dict(request) or None, answer)


def _certificate(action: str, **request: object) -> Tell:
    named: Json = {"certificateId": "TA7S"} if action == "Delete" else {}
    return lambda s: s.by_root("03-02", f"iam:{action}SigningCertificate", {**named, **request})


def _trail_cases(check: str, field: str, yes: object, no: object) -> list[Case]:
    def made(value: object, time: str = "03-02") -> Tell:
        return lambda s: s.trail(time, "UpdateTrail", {} if value is None else {field: value})

    return [
        Case(check, "pass", "switched on", made(yes), "main of UpdateTrail by"),
        Case(check, "fail", "switched off", told(made(yes, "03-01"), made(no))),
        Case(check, "unknown", "no trail", nothing),
        Case(check, "unknown", "the answer is missing", lambda s: s.trail("03-02", "UpdateTrail")),
        Case(
            check, "unknown", "its trail is gone", told(made(yes, "03-01"), lambda s: s.trail("03-02", "DeleteTrail"))
        ),
        Case(
            check,
            "pass",
            "another trail is enough",
            told(made(no), lambda s: s.trail("03-03", "CreateTrail", {field: yes}, "b")),
        ),
        Case(
            check,
            "unknown",
            "another trail does not make up for what was switched off",
            told(
                made(yes, "03-01"),
                made(no),
                lambda s: s.trail("03-03", "CreateTrail", {field: yes}, "b"),
                *([made(no, "03-04")] * 25),
            ),
            "b of CreateTrail by",
        ),
        Case(
            check,
            "pass",
            "switched on again, and another trail",
            told(
                made(yes, "03-01"),
                made(no),
                lambda s: s.trail("03-03", "CreateTrail", {field: yes}, "b"),
                made(yes, "03-04"),
            ),
        ),
        Case(
            check,
            "fail",
            "a trail that is gone does not count beside one that is there",
            told(
                made(yes),
                lambda s: s.trail("03-03", "DeleteTrail"),
                lambda s: s.trail("03-03", "CreateTrail", {field: no} if no is not None else {"x": 1}, "b"),
            ),
        ),
        Case(
            check,
            "pass",
            "a refused change",
            told(
                made(yes),
                lambda s: s.by_bob(
                    "03-03",
                    "cloudtrail:UpdateTrail",
                    {"name": f"arn:aws:cloudtrail:us-east-1:{s.account}:trail/main"},
                    error=("AccessDenied", "no"),
                ),
            ),
        ),
        Case(check, "unknown", "another call", lambda s: s.trail("03-02", "AddTags", {field: yes})),
        Case(
            check,
            "unknown",
            "another service's call",
            lambda s: s.by_root("03-02", "other:UpdateTrail", {"name": "main"}, {field: yes}),
        ),
    ]


def _on_trail(time: str, action: str, name: str = "main") -> Tell:
    return lambda s: s.trail(time, action, name=name)


ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def _nameless_removal(scene: Scene) -> None:
    scene.by_root("03-03", "iam:DeactivateMFADevice", {"userName": "AWS ROOT USER"})


def _assume_root(task: str) -> Tell:
    return lambda s: assume_root(s.story, at("03-03"), s.account, MEMBER, task, f"ASIA{task[:16]}", IP, flagged=False)


def _in_assume_root(time: str, action: str, error: str | None = None) -> Tell:
    return lambda s: s.in_assume_root(time, action, error=(error, "no") if error else None)


def _by_root(time: str, action: str, request: Json | None = None) -> Tell:
    return lambda s: s.by_root(time, action, request)


def _by_bob(time: str, action: str, request: Json) -> Tell:
    return lambda s: s.by_bob(time, action, request)


def _offered(time: str, kind: str = "Multiple MFA Devices", **more: str) -> Tell:
    return lambda s: s.story.sign_in(
        at(time), callers.root(s.account, IP), "CheckMfa", details={"MfaType": kind}, **more
    )


def _sign_in(name: str) -> Tell:
    return lambda s: s.story.sign_in(at("03-02"), callers.root(s.account, IP), name)


FIXED = "arn:aws:iam::1:mfa/root-account-mfa-device"


def _login_of_no_device(scene: Scene) -> None:
    scene.login("03-02", "Yes")


CASES = [
    # root_mfa_on
    Case("root_mfa_on", "pass", "a login names a device", lambda s: s.login("03-02", None, VAULT), "login with MFA"),
    Case("root_mfa_on", "pass", "a login says MFAUsed yes", lambda s: s.login("03-02", "Yes")),
    Case("root_mfa_on", "pass", "a device was enrolled", lambda s: s.enable("03-02", PHONE), "mfa/old-phone enrolled"),
    Case(
        "root_mfa_on",
        "pass",
        "a session began with MFA",
        lambda s: s.story.call(
            at("03-02"), callers.root_console(s.account, IP, at("03-02"), mfa=True), "ec2:DescribeInstances"
        ),
    ),
    Case(
        "root_mfa_on",
        "fail",
        "a login went without",
        told(lambda s: s.login("03-02", "Yes", VAULT), lambda s: s.login("03-03", "No")),
    ),
    Case(
        "root_mfa_on",
        "pass",
        "the last login counts",
        told(lambda s: s.login("03-02", "No"), lambda s: s.login("03-03", "Yes")),
    ),
    Case(
        "root_mfa_on",
        "unknown",
        "a device was removed",
        told(lambda s: s.login("03-02", "Yes", PHONE), lambda s: s.deactivate("03-03", PHONE)),
        "others may remain",
    ),
    Case(
        "root_mfa_on",
        "unknown",
        "a session that began before the removal",
        told(
            lambda s: s.deactivate("03-03", PHONE),
            lambda s: s.story.call(
                at("03-04"), callers.root_console(s.account, IP, at("03-02"), mfa=True), "iam:ListUsers"
            ),
        ),
    ),
    Case(
        "root_mfa_on",
        "unknown",
        "nothing",
        nothing,
        "no root login and no change of a root device seen (2024-01-01 to 2026-03-08)",
    ),
    Case("root_mfa_on", "unknown", "a login that does not say", lambda s: s.login("03-02", None)),
    Case("root_mfa_on", "unknown", "a login that failed", lambda s: s.login("03-02", "Yes", VAULT, outcome="Failure")),
    Case(
        "root_mfa_on",
        "unknown",
        "half a login",
        lambda s: s.story.sign_in(at("03-02"), callers.root(s.account, IP), "CheckMfa", details={"MfaType": "U2F MFA"}),
    ),
    Case("root_mfa_on", "unknown", "a user's device", lambda s: s.enable("03-02", "mfa/bob", "bob")),
    Case(
        "root_mfa_on",
        "unknown",
        "a refused enrolment",
        lambda s: s.by_root(
            "03-02", "iam:EnableMFADevice", {"userName": "AWS ROOT USER"}, error=("InvalidAuthenticationCode", "no")
        ),
    ),
    Case("root_mfa_on", "unknown", "a key says false whatever is set up", lambda s: s.with_key("03-02")),
    Case("root_mfa_on", "unknown", "a console session says false", lambda s: s.by_root("03-02", "iam:ListUsers")),
    *(
        Case("root_mfa_on", "unknown", name, told(_login_of_no_device, removal), says)
        for name, removal, says in (
            (
                "the device of the fixed name is deleted by whomever",
                _by_bob("03-03", "iam:DeleteVirtualMFADevice", {"serialNumber": FIXED}),
                "mfa/root-account-mfa-device, perhaps root's, removed from 198.51.100.10",
            ),
            (
                "root deletes a device of another name",
                lambda s: s.by_root("03-03", "iam:DeleteVirtualMFADevice", {"serialNumber": s.serial(PHONE)}),
                "mfa/old-phone, perhaps root's, removed",
            ),
            ("root deletes a device and the record lacks which", _by_root("03-03", "iam:DeleteVirtualMFADevice"), ""),
            ("root deactivates a device of a user called root", lambda s: s.deactivate("03-03", PHONE, "root"), ""),
            (
                "root enrolled it for a user called root",
                told(
                    lambda s: s.enable("03-01", PHONE, "root"),
                    lambda s: s.deactivate("03-03", PHONE, "root"),
                ),
                "perhaps root's, removed",
            ),
            (
                "root deactivates, and the record lacks what",
                _by_root("03-03", "iam:DeactivateMFADevice"),
                "a device that is not named, perhaps root's, removed",
            ),
        )
    ),
    *(
        Case("root_mfa_on", "pass", name, told(_login_of_no_device, removal))
        for name, removal in (
            ("root deactivates a user's device", lambda s: s.deactivate("03-03", "mfa/bob", "bob")),
            (
                "root deletes what was a user's",
                told(
                    lambda s: s.enable("03-01", "mfa/bob", "bob"),
                    lambda s: s.by_root("03-03", "iam:DeleteVirtualMFADevice", {"serialNumber": s.serial("mfa/bob")}),
                ),
            ),
            (
                "a user has a device of the fixed name",
                told(
                    _by_bob("03-01", "iam:EnableMFADevice", {"userName": "root", "serialNumber": FIXED}),
                    _by_bob("03-03", "iam:DeleteVirtualMFADevice", {"serialNumber": FIXED}),
                ),
            ),
            (
                "a user deletes a device",
                _by_bob("03-03", "iam:DeleteVirtualMFADevice", {"serialNumber": "arn:aws:iam::1:mfa/bob"}),
            ),
            (
                "a user deactivates, and the record lacks what",
                lambda s: s.by_bob("03-03", "iam:DeactivateMFADevice"),
            ),
            (
                "a user's device that is called root's",
                _by_bob("03-03", "iam:DeactivateMFADevice", {"userName": "root", "serialNumber": FIXED}),
            ),
            (
                "a refused deletion",
                lambda s: s.by_root(
                    "03-03", "iam:DeleteVirtualMFADevice", {"serialNumber": FIXED}, error=("DeleteConflict", "no")
                ),
            ),
            (
                "a login after it",
                told(
                    _by_root("03-01", "iam:DeleteVirtualMFADevice", {"serialNumber": FIXED}),
                    lambda s: s.login("03-02", "Yes"),
                ),
            ),
        )
    ),
    # root_mfa_enabled
    Case("root_mfa_enabled", "pass", "enrolled", lambda s: s.enable("03-02", PHONE), "mfa/old-phone by arn:aws:iam::"),
    Case("root_mfa_enabled", "unknown", "only used", lambda s: s.login("03-02", "Yes", PHONE)),
    Case(
        "root_mfa_enabled",
        "unknown",
        "removed again",
        told(lambda s: s.enable("03-02", PHONE), lambda s: s.deactivate("03-03", PHONE)),
    ),
    Case(
        "root_mfa_enabled",
        "unknown",
        "made, not assigned",
        lambda s: s.by_root(
            "03-02",
            "iam:CreateVirtualMFADevice",
            {"virtualMFADeviceName": "x"},
            {"virtualMFADevice": {"serialNumber": s.serial("mfa/x")}},
        ),
    ),
    # root_mfa_phishing_resistant
    Case(
        "root_mfa_phishing_resistant",
        "fail",
        "a virtual device",
        lambda s: s.login("03-02", "Yes", PHONE),
        "virtual device mfa/old-phone used",
    ),
    Case(
        "root_mfa_phishing_resistant",
        "fail",
        "text messages",
        lambda s: s.login("03-02", "Yes", SMS),
        "text messages to sms-mfa/root",
    ),
    Case(
        "root_mfa_phishing_resistant",
        "fail",
        "a token that shows codes",
        lambda s: s.login("03-02", "Yes", TOKEN),
        "hardware token ABCD12345678",
    ),
    *(
        Case(
            "root_mfa_phishing_resistant",
            status,
            name,
            _by_root("03-02", "iam:EnableMFADevice", {"userName": "AWS ROOT USER", "serialNumber": serial}),
            says,
        )
        for status, name, serial, says in (
            (
                "unknown",
                "a passkey of GovCloud",
                "arn:aws-us-gov:iam::1:u2f/root/key",
                "passkey or security key u2f/root",
            ),
            ("fail", "a phone of GovCloud", "arn:aws-us-gov:iam::1:mfa/x", "virtual device mfa/x"),
            ("unknown", "a serial number of no form", "!", "device of an unknown kind !"),
            ("unknown", "an ARN of no form", "arn:aws:iam::1:new/x", "device of an unknown kind new/x"),
        )
    ),
    Case(
        "root_mfa_phishing_resistant",
        "fail",
        "the weakest counts",
        told(lambda s: s.enable("03-02", VAULT), lambda s: s.enable("03-01", PHONE)),
    ),
    Case(
        "root_mfa_phishing_resistant",
        "unknown",
        "a passkey, and perhaps others",
        lambda s: s.login("03-02", "Yes", VAULT),
        "passkey or security key u2f/root/vault-1",
    ),
    Case(
        "root_mfa_phishing_resistant",
        "unknown",
        "the weak one is gone",
        told(
            lambda s: s.enable("03-01", VAULT),
            lambda s: s.enable("03-01", PHONE),
            lambda s: s.deactivate("03-02", PHONE),
        ),
    ),
    Case(
        "root_mfa_phishing_resistant",
        "unknown",
        "deleted, which names no user",
        told(
            lambda s: s.login("03-01", "Yes", PHONE),
            lambda s: s.by_root("03-02", "iam:DeleteVirtualMFADevice", {"serialNumber": s.serial(PHONE)}),
        ),
    ),
    Case(
        "root_mfa_phishing_resistant",
        "fail",
        "another device was deleted",
        told(
            lambda s: s.login("03-01", "Yes", PHONE),
            lambda s: s.by_root("03-02", "iam:DeleteVirtualMFADevice", {"serialNumber": s.serial("mfa/bob")}),
        ),
    ),
    # root_mfa_two_devices
    Case(
        "root_mfa_two_devices",
        "pass",
        "two were used",
        told(lambda s: s.login("03-01", "Yes", VAULT), lambda s: s.login("03-02", "Yes", PHONE)),
    ),
    Case(
        "root_mfa_two_devices",
        "unknown",
        "one, perhaps beside others",
        told(lambda s: s.login("03-01", "Yes", VAULT), lambda s: s.login("03-02", "Yes", VAULT)),
    ),
    Case(
        "root_mfa_two_devices",
        "unknown",
        "one of two is gone",
        told(
            lambda s: s.enable("03-01", VAULT),
            lambda s: s.enable("03-02", PHONE),
            lambda s: s.deactivate("03-03", PHONE),
        ),
    ),
    Case(
        "root_mfa_two_devices",
        "unknown",
        "a removal that names none",
        told(
            lambda s: s.enable("03-01", VAULT),
            lambda s: s.enable("03-02", PHONE),
            lambda s: s.by_root("03-03", "iam:DeactivateMFADevice", {"userName": "AWS ROOT USER"}),
        ),
    ),
    Case(
        "root_mfa_two_devices",
        "pass",
        "removed and back",
        told(
            lambda s: s.enable("03-01", VAULT),
            lambda s: s.deactivate("03-02", PHONE),
            lambda s: s.enable("03-03", PHONE),
        ),
    ),
    Case(
        "root_mfa_two_devices",
        "unknown",
        "a removal by root that says nothing",
        told(
            lambda s: s.enable("03-01", VAULT),
            lambda s: s.enable("03-02", PHONE),
            _by_root("03-03", "iam:DeactivateMFADevice"),
        ),
    ),
    Case(
        "root_mfa_two_devices",
        "pass",
        "a third one is deleted",
        told(
            lambda s: s.enable("03-01", VAULT),
            lambda s: s.enable("03-02", PHONE),
            _by_root("03-03", "iam:DeleteVirtualMFADevice", {"serialNumber": "arn:aws:iam::1:mfa/x"}),
        ),
    ),
    Case("root_mfa_two_devices", "pass", "a sign-in was offered several", _offered("03-02"), "offered several devices"),
    Case("root_mfa_two_devices", "unknown", "a sign-in was offered one", _offered("03-02", "U2F MFA")),
    Case("root_mfa_two_devices", "unknown", "a sign-in that failed", _offered("03-02", outcome="Failure")),
    Case(
        "root_mfa_two_devices",
        "unknown",
        "a user was offered several",
        lambda s: s.story.sign_in(
            at("03-02"),
            callers.iam_user_login(s.account, "bob", IP),
            "CheckMfa",
            details={"MfaType": "Multiple MFA Devices"},
        ),
    ),
    Case(
        "root_mfa_two_devices",
        "unknown",
        "offered several, of which one is gone",
        told(_offered("03-02"), lambda s: s.deactivate("03-03", PHONE)),
    ),
    Case(
        "root_mfa_two_devices",
        "pass",
        "one is gone, and still offered several",
        told(lambda s: s.deactivate("03-01", PHONE), _offered("03-02")),
    ),
    # root_mfa_tested
    Case(
        "root_mfa_tested",
        "pass",
        "used after it was enrolled",
        told(lambda s: s.enable("03-01", VAULT), lambda s: s.login("03-02", "Yes", VAULT)),
    ),
    Case(
        "root_mfa_tested",
        "pass",
        "the only device, not named",
        told(lambda s: s.enable("03-01", VAULT), lambda s: s.login("03-02", "Yes")),
    ),
    Case(
        "root_mfa_tested",
        "fail",
        "used before it was enrolled anew",
        told(lambda s: s.login("03-01", "Yes", VAULT), lambda s: s.enable("03-02", VAULT)),
        "not seen in a login since",
    ),
    Case(
        "root_mfa_tested",
        "fail",
        "one of two",
        told(
            lambda s: s.enable("03-01", VAULT),
            lambda s: s.enable("03-01", PHONE),
            lambda s: s.login("03-02", "Yes", VAULT),
        ),
        "old-phone enrolled",
    ),
    Case(
        "root_mfa_tested",
        "unknown",
        "one of two, not named",
        told(lambda s: s.enable("03-01", VAULT), lambda s: s.enable("03-01", PHONE), lambda s: s.login("03-02", "Yes")),
        "names no device",
    ),
    Case(
        "root_mfa_tested",
        "fail",
        "logins without MFA",
        told(lambda s: s.login("03-01", "No"), lambda s: s.login("03-02", "No"), lambda s: s.login("03-03", "No")),
        "(3 in a row)",
    ),
    Case(
        "root_mfa_tested",
        "pass",
        "a login without, and then with",
        told(lambda s: s.login("03-01", "No"), lambda s: s.login("03-02", "Yes", VAULT)),
    ),
    Case(
        "root_mfa_tested",
        "unknown",
        "half a login",
        lambda s: s.story.sign_in(at("03-02"), callers.root(s.account, IP), "CheckMfa", details={"MfaType": "U2F MFA"}),
    ),
    # root_mfa_stale_device
    Case("root_mfa_stale_device", "pass", "used lately", lambda s: s.login("03-02", "Yes", VAULT)),
    Case(
        "root_mfa_stale_device",
        "pass",
        "synchronised lately",
        told(
            lambda s: s.enable("2024-03-02", PHONE),
            lambda s: s.by_root(
                "03-02", "iam:ResyncMFADevice", {"userName": "AWS ROOT USER", "serialNumber": s.serial(PHONE)}
            ),
        ),
    ),
    Case("root_mfa_stale_device", "fail", "used long ago", lambda s: s.login("2024-03-02", "Yes", VAULT)),
    Case("root_mfa_stale_device", "pass", "within 400 days", lambda s: s.login("2025-02-03", "Yes", VAULT)),
    Case(
        "root_mfa_stale_device",
        "unknown",
        "used long ago, and removed",
        told(lambda s: s.login("2024-03-02", "Yes", VAULT), lambda s: s.deactivate("2024-03-03", VAULT)),
    ),
    # root_no_access_keys
    Case("root_no_access_keys", "fail", "used", lambda s: s.with_key("03-02"), f"key {KEY} used"),
    Case("root_no_access_keys", "fail", "made", _key("03-02", "CreateAccessKey"), "made from"),
    Case(
        "root_no_access_keys",
        "fail",
        "inactive",
        _key("03-02", "UpdateAccessKey", accessKeyId=KEY, status="Inactive"),
        "still there",
    ),
    Case(
        "root_no_access_keys",
        "unknown",
        "deleted",
        told(_key("03-01", "CreateAccessKey"), _key("03-02", "DeleteAccessKey", accessKeyId=KEY)),
        "others may remain",
    ),
    Case(
        "root_no_access_keys",
        "fail",
        "another one deleted",
        told(_key("03-01", "CreateAccessKey"), _key("03-02", "DeleteAccessKey", accessKeyId="AKIAOTHEREXAMPLE0000")),
    ),
    Case("root_no_access_keys", "unknown", "of a user", _key("03-02", "CreateAccessKey", userName="bob")),
    Case("root_no_access_keys", "unknown", "root's temporary key", lambda s: s.by_root("03-02", "iam:ListUsers")),
    Case("root_no_access_keys", "unknown", "a user's key", lambda s: s.by_bob("03-02", "iam:ListUsers")),
    Case(
        "root_no_access_keys",
        "fail",
        "switched on again",
        told(
            _key("03-01", "DeleteAccessKey", accessKeyId=KEY),
            _key("03-02", "UpdateAccessKey", accessKeyId=KEY, status="Active"),
        ),
        "activated from",
    ),
    Case(
        "root_no_access_keys",
        "unknown",
        "switched on, and deleted",
        told(
            _key("03-01", "UpdateAccessKey", accessKeyId=KEY, status="Active"),
            _key("03-02", "DeleteAccessKey", accessKeyId=KEY),
        ),
    ),
    Case(
        "root_no_access_keys",
        "unknown",
        "switched off, and deleted",
        told(
            _key("03-01", "UpdateAccessKey", accessKeyId=KEY, status="Inactive"),
            _key("03-02", "DeleteAccessKey", accessKeyId=KEY),
        ),
    ),
    # root_no_certificates
    Case("root_no_certificates", "fail", "uploaded", _certificate("Upload")),
    Case("root_no_certificates", "unknown", "deleted", _certificate("Delete")),
    Case("root_no_certificates", "unknown", "of a user", _certificate("Upload", userName="bob")),
    Case("root_no_certificates", "unknown", "nothing", nothing),
    *(
        Case(
            "root_no_certificates",
            status,
            f"uploaded, and {what} deleted",
            told(
                lambda s: s.by_root(
                    "03-01", "iam:UploadSigningCertificate", None, {"certificate": {"certificateId": "TA7S"}}
                ),
                _by_root("03-02", "iam:DeleteSigningCertificate", {"certificateId": gone}),
            ),
        )
        for status, what, gone in (("unknown", "that one", "TA7S"), ("fail", "another one", "TB8T"))
    ),
    Case("root_no_certificates", "fail", "of root by name", _certificate("Upload", userName="AWS ROOT USER")),
    # root_unused
    Case("root_unused", "fail", "signed in", lambda s: s.login("03-02", "Yes"), "sign-in: ConsoleLogin"),
    Case(
        "root_unused",
        "fail",
        "a key, though the password rests",
        told(lambda s: s.login("2025-03-02", "Yes"), lambda s: s.with_key("03-02")),
        "access key: GetCallerIdentity",
    ),
    Case(
        "root_unused", "unknown", "91 days ago", lambda s: s.login("2025-12-06", "Yes"), "2025-12-06T09:00:00Z sign-in"
    ),
    Case("root_unused", "fail", "89 days ago", lambda s: s.login("2025-12-09", "Yes")),
    Case(
        "root_unused",
        "unknown",
        "a service with root's name",
        lambda s: s.story.call(
            at("03-02"), callers.root_by_service(s.account, "autoscaling.amazonaws.com"), "ec2:RunInstances"
        ),
    ),
    Case("root_unused", "unknown", "AssumeRoot", lambda s: s.in_assume_root("03-02", "iam:ListAccessKeys")),
    Case("root_unused", "unknown", "a failed login", lambda s: s.login("03-02", "No", outcome="Failure")),
    # root_recovery_quiet
    Case(
        "root_recovery_quiet",
        "fail",
        "a recovery was asked for",
        lambda s: s.story.sign_in(at("03-02"), callers.root(s.account, IP), "PasswordRecoveryRequested"),
    ),
    Case(
        "root_recovery_quiet",
        "fail",
        "another address",
        lambda s: s.by_root("03-02", "account:StartPrimaryEmailUpdate"),
        "StartPrimaryEmailUpdate by",
    ),
    Case("root_recovery_quiet", "fail", "another contact", _contact("Put", "BILLING")),
    Case(
        "root_recovery_quiet",
        "fail",
        "a password by AssumeRoot",
        lambda s: s.in_assume_root("03-02", "iam:CreateLoginProfile"),
    ),
    Case(
        "root_recovery_quiet",
        "unknown",
        "long ago",
        lambda s: s.by_root("2025-03-02", "account:StartPrimaryEmailUpdate"),
    ),
    Case(
        "root_recovery_quiet",
        "unknown",
        "a user's password",
        lambda s: s.by_root("03-02", "iam:CreateLoginProfile", {"userName": "bob"}),
    ),
    Case(
        "root_recovery_quiet",
        "unknown",
        "the password put away",
        lambda s: s.in_assume_root("03-02", "iam:DeleteLoginProfile"),
    ),
    *(
        Case(
            "root_recovery_quiet",
            "fail",
            name,
            _sign_in(name),
            name,
        )
        for name in ("PasswordRecoveryCompleted", "PasswordUpdated", "EmailUpdated")
    ),
    *(
        Case("root_recovery_quiet", "fail", name, _by_root("03-02", f"account:{name}"), name)
        for name in (
            "AcceptPrimaryEmailUpdate",
            "PutContactInformation",
            "PutAlternateContact",
            "DeleteAlternateContact",
        )
    ),
    Case("root_recovery_quiet", "unknown", "looked at", lambda s: s.by_root("03-02", "account:GetContactInformation")),
    Case(
        "root_recovery_quiet",
        "unknown",
        "refused",
        lambda s: s.by_root("03-02", "account:PutContactInformation", error=("AccessDenied", "no")),
    ),
    Case(
        "root_recovery_quiet",
        "unknown",
        "a recovery that failed",
        lambda s: s.story.sign_in(
            at("03-02"), callers.root(s.account, IP), "PasswordRecoveryCompleted", outcome="Failure"
        ),
    ),
    # root_credentials_removed
    Case(
        "root_credentials_removed",
        "fail",
        "a password again",
        told(
            lambda s: s.in_assume_root("03-01", "iam:DeleteLoginProfile"),
            lambda s: s.in_assume_root("03-02", "iam:CreateLoginProfile"),
        ),
    ),
    Case(
        "root_credentials_removed",
        "fail",
        "signed in again",
        told(lambda s: s.in_assume_root("03-01", "iam:DeleteLoginProfile"), lambda s: s.login("03-02", "No")),
        "signed in again",
    ),
    Case(
        "root_credentials_removed",
        "unknown",
        "removed, of what there may be more",
        lambda s: s.in_assume_root("03-01", "iam:DeleteLoginProfile"),
        "DeleteLoginProfile in an AssumeRoot session",
    ),
    Case(
        "root_credentials_removed",
        "unknown",
        "removed after the login",
        told(lambda s: s.login("03-01", "No"), lambda s: s.in_assume_root("03-02", "iam:DeleteLoginProfile")),
    ),
    Case("root_credentials_removed", "unknown", "an account that keeps its own", lambda s: s.login("03-05", "Yes")),
    Case(
        "root_credentials_removed",
        "unknown",
        "by root itself",
        lambda s: _key("03-02", "DeleteAccessKey", accessKeyId=KEY)(s),
    ),
    Case(
        "root_credentials_removed",
        "unknown",
        "an error of a read is a fact",
        told(
            lambda s: s.in_assume_root("03-01", "iam:CreateLoginProfile"),
            lambda s: s.in_assume_root("03-02", "iam:GetLoginProfile", error=("NoSuchEntityException", "no")),
        ),
        "root had no password, as GetLoginProfile",
    ),
    Case(
        "root_credentials_removed",
        "fail",
        "another error tells nothing",
        told(
            lambda s: s.in_assume_root("03-01", "iam:CreateLoginProfile"),
            lambda s: s.in_assume_root("03-02", "iam:GetLoginProfile", error=("AccessDenied", "no")),
        ),
    ),
    Case(
        "root_credentials_removed",
        "fail",
        "a user without a password",
        told(
            lambda s: s.in_assume_root("03-01", "iam:CreateLoginProfile"),
            lambda s: s.by_root(
                "03-02", "iam:GetLoginProfile", {"userName": "bob"}, error=("NoSuchEntityException", "no")
            ),
        ),
    ),
    *(
        Case(
            "root_credentials_removed",
            "fail",
            f"{name}, and signed in again",
            told(
                _in_assume_root("03-01", f"iam:{name}"),
                lambda s: s.login("03-02", "Yes"),
            ),
            "signed in again",
        )
        for name in ("DeleteAccessKey", "DeactivateMFADevice", "DeleteSigningCertificate")
    ),
    *(
        Case(
            "root_credentials_removed",
            "fail",
            f"a password, and {name}",
            told(
                lambda s: s.in_assume_root("03-01", "iam:CreateLoginProfile"),
                _in_assume_root("03-02", name, "NoSuchEntity"),
            ),
        )
        for name in ("iam:GetUser", "other:GetLoginProfile")
    ),
    Case(
        "root_credentials_removed",
        "unknown",
        "the error by its other name",
        told(
            lambda s: s.in_assume_root("03-01", "iam:CreateLoginProfile"),
            lambda s: s.in_assume_root("03-02", "iam:GetLoginProfile", error=("NoSuchEntity", "no")),
        ),
    ),
    # centralised_root_on
    Case(
        "centralised_root_on",
        "pass",
        "both switched on",
        told(_switch(f"Enable{CREDENTIALS}"), _switch(f"Enable{SESSIONS}")),
    ),
    Case(
        "centralised_root_on",
        "pass",
        "one switched on, one used",
        told(
            _switch(f"Enable{CREDENTIALS}"),
            lambda s: assume_root(
                s.story,
                at("03-03"),
                s.account,
                MEMBER,
                "S3UnlockBucketPolicy",
                "ASIAUNLOCKEXAMPLE000",
                IP,
                flagged=False,
            ),
        ),
    ),
    Case(
        "centralised_root_on",
        "fail",
        "one switched off",
        told(_switch(f"Enable{CREDENTIALS}"), _switch(f"Enable{SESSIONS}"), _switch(f"Disable{SESSIONS}", "03-03")),
        "RootSessions off",
    ),
    Case("centralised_root_on", "unknown", "one switched on", _switch(f"Enable{CREDENTIALS}")),
    Case(
        "centralised_root_on",
        "unknown",
        "a delegated administrator is no feature",
        lambda s: s.by_bob(
            "03-02", "organizations:RegisterDelegatedAdministrator", {"servicePrincipal": "iam.amazonaws.com"}
        ),
    ),
    # other_admins_exist
    Case(
        "other_admins_exist",
        "pass",
        "Identity Center",
        lambda s: s.story.call(at("03-02"), callers.sso(s.account, "Admin", "erin", IP, at("03-02")), "iam:ListUsers"),
        "AWSReservedSSO_Admin",
    ),
    Case(
        "other_admins_exist",
        "pass",
        "a policy",
        _attach("AttachUserPolicy", "AdministratorAccess"),
        "AttachUserPolicy AdministratorAccess eve",
    ),
    Case(
        "other_admins_exist",
        "unknown",
        "taken away again",
        told(_attach("AttachUserPolicy", "AdministratorAccess"), _attach("DetachUserPolicy", "AdministratorAccess")),
    ),
    Case(
        "other_admins_exist",
        "unknown",
        "a policy that only sounds like it",
        _attach("AttachUserPolicy", "AdministratorAccess-Amplify"),
    ),
    Case(
        "other_admins_exist",
        "unknown",
        "a role that only sounds like it",
        lambda s: s.story.call(
            at("03-02"), callers.role(s.account, "AWSReservedSSO_Admin", "x", IP, at("03-02")), "iam:ListUsers"
        ),
    ),
    *(
        Case(
            "other_admins_exist",
            status,
            f"a policy of a {kind}, {what}",
            told(
                *(
                    _by_bob("03-02", f"iam:{action}{kind.title()}Policy", {f"{kind}Name": name, "policyArn": ADMIN})
                    for action, name in steps
                )
            ),
        )
        for kind in ("role", "group")
        for status, what, steps in (
            ("pass", "and another one's taken away", (("Attach", "admins"), ("Detach", "others"))),
            ("unknown", "and taken away", (("Attach", "admins"), ("Detach", "admins"))),
        )
    ),
    # contacts_set
    Case("contacts_set", "pass", "set", _contact("Put", "SECURITY"), "set by arn:aws:iam::"),
    Case("contacts_set", "fail", "removed", _contact("Delete", "SECURITY"), "removed by"),
    Case("contacts_set", "unknown", "another contact", _contact("Put", "BILLING")),
    # trail_…
    Case("trail_logging", "pass", "started", lambda s: s.trail("03-02", "StartLogging")),
    Case(
        "trail_logging",
        "fail",
        "stopped",
        told(lambda s: s.trail("03-01", "StartLogging"), lambda s: s.trail("03-02", "StopLogging")),
        "main stopped by",
    ),
    Case("trail_logging", "fail", "deleted", lambda s: s.trail("03-02", "DeleteTrail")),
    *(
        Case(
            "trail_logging",
            "unknown",
            f"{name}, and another one logs since {other}",
            told(_on_trail("03-01", call), _on_trail(other, "StartLogging", "b")),
            f"main {name} by",
        )
        for call, name in (("StopLogging", "stopped"), ("DeleteTrail", "deleted"))
        for other in ("02-27", "03-02")
    ),
    Case(
        "trail_logging",
        "pass",
        "stopped and started again, and another one logs",
        told(
            lambda s: s.trail("03-01", "StopLogging"),
            lambda s: s.trail("03-02", "StartLogging", name="b"),
            lambda s: s.trail("03-03", "StartLogging"),
        ),
    ),
    Case(
        "trail_logging",
        "unknown",
        "a refused stop",
        lambda s: s.by_bob("03-02", "cloudtrail:StopLogging", error=("AccessDenied", "no")),
    ),
    Case("trail_management_events", "pass", "all", lambda s: s.selectors("03-02", "All")),
    Case(
        "trail_management_events",
        "fail",
        "writes only",
        told(lambda s: s.selectors("03-01", "All"), lambda s: s.selectors("03-02", "WriteOnly")),
    ),
    Case(
        "trail_management_events",
        "unknown",
        "its trail is gone",
        told(lambda s: s.selectors("03-01", "All"), lambda s: s.trail("03-02", "DeleteTrail")),
    ),
    # Near misses, one predicate each.
    Case(
        "root_mfa_two_devices",
        "unknown",
        "one named, one login that names none",
        told(lambda s: s.login("03-01", "Yes", VAULT), lambda s: s.login("03-02", "Yes")),
    ),
    Case("root_mfa_stale_device", "unknown", "a login that names none", lambda s: s.login("03-02", "Yes")),
    Case(
        "root_mfa_stale_device",
        "unknown",
        "a removal that names none",
        told(lambda s: s.login("03-01", "Yes", VAULT), _nameless_removal),
    ),
    Case(
        "root_mfa_tested",
        "unknown",
        "a removal that names none",
        told(lambda s: s.login("03-01", "Yes", VAULT), _nameless_removal),
    ),
    Case(
        "root_mfa_tested",
        "fail",
        "never used, and a removal that names none",
        told(lambda s: s.enable("03-01", VAULT), _nameless_removal),
    ),
    Case(
        "root_mfa_tested",
        "fail",
        "synchronised is not used",
        told(
            lambda s: s.enable("03-01", PHONE),
            lambda s: s.by_root(
                "03-02", "iam:ResyncMFADevice", {"userName": "AWS ROOT USER", "serialNumber": s.serial(PHONE)}
            ),
        ),
    ),
    Case(
        "root_mfa_tested",
        "pass",
        "the only device of then, not named",
        told(
            lambda s: s.enable("03-01", VAULT),
            lambda s: s.login("03-02", "Yes"),
            lambda s: s.enable("03-03", PHONE),
            lambda s: s.login("03-04", "Yes", PHONE),
        ),
    ),
    Case(
        "root_mfa_tested",
        "pass",
        "both used, then a login that names none",
        told(
            lambda s: s.login("03-01", "Yes", VAULT),
            lambda s: s.login("03-02", "Yes", PHONE),
            lambda s: s.login("03-03", "Yes"),
        ),
    ),
    Case(
        "root_no_access_keys",
        "unknown",
        "a user's key made inactive",
        _key("03-02", "UpdateAccessKey", accessKeyId=KEY, status="Inactive", userName="bob"),
    ),
    Case(
        "root_no_access_keys",
        "unknown",
        "refused",
        lambda s: s.by_root(
            "03-02", "iam:UpdateAccessKey", {"accessKeyId": KEY, "status": "Inactive"}, error=("NoSuchEntity", "no")
        ),
    ),
    Case(
        "root_no_access_keys",
        "unknown",
        "another service's call",
        lambda s: s.by_root("03-02", "other:UpdateAccessKey", {"accessKeyId": KEY, "status": "Inactive"}),
    ),
    Case("root_no_certificates", "unknown", "another call", lambda s: s.by_root("03-02", "iam:CreateUser")),
    Case(
        "root_no_certificates",
        "unknown",
        "another service's call",
        lambda s: s.by_root("03-02", "other:UploadSigningCertificate"),
    ),
    Case(
        "root_no_certificates",
        "unknown",
        "refused",
        lambda s: s.by_root("03-02", "iam:UploadSigningCertificate", error=("MalformedCertificate", "no")),
    ),
    Case(
        "root_unused",
        "fail",
        "in the console",
        lambda s: s.by_root("03-02", "iam:ListUsers"),
        "console: ListUsers from",
    ),
    Case(
        "root_credentials_removed",
        "unknown",
        "looked at, and a login",
        told(lambda s: s.in_assume_root("03-01", "iam:ListAccessKeys"), lambda s: s.login("03-02", "Yes")),
    ),
    Case(
        "root_credentials_removed",
        "unknown",
        "by root itself, and a login",
        told(_key("03-01", "DeleteAccessKey", accessKeyId=KEY), lambda s: s.login("03-02", "Yes")),
    ),
    Case(
        "root_credentials_removed",
        "unknown",
        "another service's call, and a login",
        told(lambda s: s.in_assume_root("03-01", "other:DeleteAccessKey"), lambda s: s.login("03-02", "Yes")),
    ),
    Case(
        "root_credentials_removed",
        "unknown",
        "refused, and a login",
        told(
            lambda s: s.in_assume_root("03-01", "iam:DeleteAccessKey", error=("NoSuchEntity", "no")),
            lambda s: s.login("03-02", "Yes"),
        ),
    ),
    Case(
        "centralised_root_on",
        "pass",
        "both used",
        told(*(_assume_root(task) for task in ("IAMAuditRootUserCredentials", "SQSUnlockQueuePolicy"))),
    ),
    *(
        Case(
            "centralised_root_on",
            "pass",
            f"both used, by {task}",
            told(_assume_root(task), _assume_root("S3UnlockBucketPolicy")),
        )
        for task in ("IAMCreateRootUserPassword", "IAMDeleteRootUserCredentials")
    ),
    Case(
        "centralised_root_on",
        "unknown",
        "an unknown task",
        told(_assume_root("IAMOther"), _assume_root("S3UnlockBucketPolicy")),
    ),
    Case(
        "centralised_root_on",
        "unknown",
        "one used twice",
        told(*(_assume_root(task) for task in ("S3UnlockBucketPolicy", "SQSUnlockQueuePolicy"))),
    ),
    Case(
        "other_admins_exist",
        "unknown",
        "refused",
        lambda s: s.by_bob(
            "03-02", "iam:AttachUserPolicy", {"userName": "eve", "policyArn": ADMIN}, error=("AccessDenied", "no")
        ),
    ),
    Case(
        "other_admins_exist",
        "unknown",
        "another service's call",
        lambda s: s.by_bob("03-02", "other:AttachUserPolicy", {"userName": "eve", "policyArn": ADMIN}),
    ),
    Case("trail_logging", "unknown", "another call", lambda s: s.trail("03-02", "AddTags")),
    Case(
        "trail_logging",
        "unknown",
        "another service's call",
        lambda s: s.by_root("03-02", "other:StopLogging", {"name": "main"}),
    ),
    Case("trail_management_events", "unknown", "another call", lambda s: s.trail("03-02", "AddTags")),
    Case(
        "trail_management_events",
        "unknown",
        "another service's call",
        lambda s: s.by_root("03-02", "other:PutEventSelectors", {"trailName": "main"}),
    ),
    Case(
        "trail_management_events",
        "fail",
        "refused",
        told(
            lambda s: s.selectors("03-01", "WriteOnly"),
            lambda s: s.by_bob(
                "03-02",
                "cloudtrail:PutEventSelectors",
                {"trailName": "arn:aws:cloudtrail:us-east-1:" + s.account + ":trail/main"},
                error=("AccessDenied", "no"),
            ),
        ),
    ),
    *MONITOR_CASES,
    *_trail_cases("trail_multi_region", "isMultiRegionTrail", True, False),
    *_trail_cases("trail_validated", "logFileValidationEnabled", True, False),
    *_trail_cases("trail_encrypted", "kmsKeyId", "arn:aws:kms:us-east-1:1:key/x", None),
    Case(
        "trail_multi_region", "unknown", "the answer does not say", lambda s: s.trail("03-02", "UpdateTrail", {"x": 1})
    ),
]


def account_of(number: int) -> str:
    return f"{500_000_000_000 + number}"


def records() -> list[Json]:
    """Return the records of all cases, and of each account a first and a last one that say nothing."""
    story = Story("posture")
    for number, case in enumerate(CASES):
        scene = Scene(story, account_of(number))
        scene.by_bob("2024-01-01", "ec2:DescribeInstances")
        case.tell(scene)
        scene.by_bob("03-08", "ec2:DescribeInstances")
    return [event.record for event in story.events]
