"""Records about the buckets of trails, and about who is told of root's use: as `cases.py` has them."""

from __future__ import annotations

import json
from collections.abc import Callable

from fixtures import callers
from fixtures.callers import Json
from tests.posture.scene import Case, Scene, Tell, at, nothing, told

BUCKET = "trail"  # the log files of all cases are read from it
ALL_BLOCKED: Json = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def _s3(time: str, action: str, request: Json | None = None, bucket: str = BUCKET, error: str | None = None) -> Tell:
    refused = (error, "no") if error else None
    return lambda s: s.by_bob(time, f"s3:{action}", {"bucketName": bucket, **(request or {})}, error=refused)


def _block(time: str, bucket: str = BUCKET, error: str | None = None, **settings: object) -> Tell:
    request: Json = {"PublicAccessBlockConfiguration": {**ALL_BLOCKED, **settings}}
    return _s3(time, "PutBucketPublicAccessBlock", request, bucket, error)


def _lock(time: str, rule: Json | None) -> Tell:
    lock: Json = {"ObjectLockEnabled": "Enabled", **({"Rule": rule} if rule else {})}
    return _s3(time, "PutBucketObjectLockConfiguration", {"ObjectLockConfiguration": lock})


def _versions(time: str, **settings: str) -> Tell:
    return _s3(time, "PutBucketVersioning", {"VersioningConfiguration": dict(settings)})


RETENTION: Json = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}


def _lifecycle(time: str, status: str = "Enabled", *, action: str = "PutBucketLifecycle", **rule: object) -> Tell:
    return _s3(time, action, {"LifecycleConfiguration": {"Rule": {"ID": "x", "Status": status, **rule}}})


def _known_by_a_trail(scene: Scene) -> None:
    scene.trail("03-01", "CreateTrail", {"s3BucketName": "named-by-a-trail"})


def _known_by_a_check(scene: Scene) -> None:
    cloudtrail = callers.aws_service(scene.account, "cloudtrail.amazonaws.com")
    scene.story.call(at("03-01"), cloudtrail, "s3:GetBucketAcl", {"bucketName": "checked-by-cloudtrail"})


def _bucket_cases(check: str, good: Callable[[str, str], Tell]) -> list[Case]:
    """What all checks of buckets have in common.

    Args:
        check: the check.
        good: time and bucket → what makes it pass.
    """
    return [
        Case(check, "pass", "as it should be", good("03-02", BUCKET), "trail by "),
        Case(check, "pass", "a trail names it", told(_known_by_a_trail, good("03-02", "named-by-a-trail"))),
        Case(
            check,
            "pass",
            "a trail asks for it",
            told(
                lambda s: s.by_bob("03-01", "cloudtrail:CreateTrail", {"name": "x", "s3BucketName": "asked-for"}),
                good("03-02", "asked-for"),
            ),
        ),
        Case(check, "pass", "CloudTrail checks it", told(_known_by_a_check, good("03-02", "checked-by-cloudtrail"))),
        Case(check, "unknown", "no trail's bucket", good("03-02", "other")),
        Case(check, "unknown", "the bucket is gone", told(good("03-01", BUCKET), _s3("03-02", "DeleteBucket"))),
        Case(check, "unknown", "nothing of it", nothing),
        Case(check, "unknown", "another call", _s3("03-02", "PutBucketTagging")),
    ]


PRIVATE, LOCKED, KEPT, FOREIGN = (f"trail_bucket_{one}" for one in ("private", "locked", "kept", "undeletable"))
TOLD = "root_use_is_told"

BUCKET_CASES = [
    *_bucket_cases(PRIVATE, _block),
    Case(PRIVATE, "fail", "one of four is off", _block("03-02", BlockPublicPolicy=False)),
    Case(PRIVATE, "fail", "taken away", told(_block("03-01"), _s3("03-02", "DeleteBucketPublicAccessBlock"))),
    Case(
        PRIVATE,
        "fail",
        "an error of a read is a fact",
        _s3("03-02", "GetBucketPublicAccessBlock", error="NoSuchPublicAccessBlockConfiguration"),
        "GetBucketPublicAccessBlock (NoSuchPublicAccessBlockConfiguration) of arn:aws:iam::",
    ),
    Case(PRIVATE, "fail", "every bucket counts", told(
        _known_by_a_trail, _block("03-02"), _block("03-02", "named-by-a-trail", IgnorePublicAcls=False)
    )),
    Case(PRIVATE, "unknown", "another error", _s3("03-02", "GetBucketPublicAccessBlock", error="AccessDenied")),
    Case(PRIVATE, "unknown", "a read that tells", _s3("03-02", "GetBucketPublicAccessBlock")),
    Case(PRIVATE, "unknown", "refused", _block("03-02", error="AccessDenied")),
    Case(PRIVATE, "unknown", "another service's call", lambda s: s.by_root(
        "03-02", "other:PutBucketPublicAccessBlock", {"bucketName": BUCKET}
    )),
    # Object Lock, or MFA delete
    *_bucket_cases(LOCKED, lambda time, bucket: _s3(
        time,
        "PutBucketObjectLockConfiguration",
        {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": RETENTION}},
        bucket,
    )),
    Case(LOCKED, "pass", "MFA delete", _versions("03-02", Status="Enabled", MfaDelete="Enabled")),
    Case(LOCKED, "pass", "MFA delete without Object Lock", told(
        _versions("03-01", Status="Enabled", MfaDelete="Enabled"),
        _s3("03-02", "GetBucketObjectLockConfiguration", error="ObjectLockConfigurationNotFoundError"),
    )),
    Case(LOCKED, "fail", "versions suspended", told(
        _versions("03-01", Status="Enabled", MfaDelete="Enabled"), _versions("03-02", Status="Suspended")
    )),
    Case(LOCKED, "unknown", "no Object Lock, as an error of a read tells",
         _s3("03-02", "GetBucketObjectLockConfiguration", error="ObjectLockConfigurationNotFoundError"),
         "(ObjectLockConfigurationNotFoundError)"),
    Case(LOCKED, "unknown", "another error", _s3("03-02", "GetBucketObjectLockConfiguration", error="AccessDenied")),
    Case(LOCKED, "unknown", "a lock that keeps nothing by itself", _lock("03-02", None)),
    Case(LOCKED, "unknown", "MFA delete switched off", _versions("03-02", Status="Enabled", MfaDelete="Disabled")),
    Case(LOCKED, "unknown", "versions without MFA delete", _versions("03-02", Status="Enabled")),
    Case(LOCKED, "unknown", "MFA delete, of a bucket that is gone", told(
        _versions("03-01", Status="Enabled", MfaDelete="Enabled"), _s3("03-02", "DeleteBucket")
    )),
    Case(LOCKED, "fail", "versions suspended, of a lock that keeps nothing by itself", told(
        _lock("03-01", None), _versions("03-02", Status="Suspended")
    )),
    Case(LOCKED, "fail", "versions suspended, and a read that was refused", told(
        _versions("03-01", Status="Suspended"),
        _s3("03-02", "GetBucketObjectLockConfiguration", error="AccessDenied"),
    )),
    Case(LOCKED, "fail", "a bucket that is gone does not count beside one that is there", told(
        _known_by_a_trail, _lock("03-01", RETENTION), _s3("03-02", "DeleteBucket"),
        _s3("03-02", "PutBucketVersioning", {"VersioningConfiguration": {"Status": "Suspended"}}, "named-by-a-trail"),
    )),
    # Lifecycle
    *_bucket_cases(KEPT, lambda time, bucket: _s3(time, "DeleteBucketLifecycle", bucket=bucket)),
    Case(KEPT, "pass", "kept for two years", _lifecycle("03-02", Expiration={"Days": 730})),
    Case(KEPT, "pass", "kept for a year", _lifecycle("03-02", Expiration={"Days": 365})),
    Case(KEPT, "pass", "a rule that is off", _lifecycle("03-02", "Disabled", Expiration={"Days": 1})),
    Case(KEPT, "pass", "moved, not deleted", _lifecycle("03-02", Transition={"Days": 30, "StorageClass": "GLACIER"})),
    Case(KEPT, "pass", "an error of a read is a fact",
         _s3("03-02", "GetBucketLifecycle", error="NoSuchLifecycleConfiguration")),
    Case(KEPT, "fail", "kept for less", _lifecycle("03-02", Expiration={"Days": 364})),
    Case(KEPT, "fail", "by the call's longer name",
         _lifecycle("03-02", action="PutBucketLifecycleConfiguration", Expiration={"Days": 1})),
    Case(KEPT, "fail", "until a day of this year", _lifecycle("03-02", Expiration={"Date": "2026-08-01T00:00:00Z"})),
    Case(KEPT, "pass", "until a day far off", _lifecycle("03-02", Expiration={"Date": "2029-08-01T00:00:00Z"})),
    Case(KEPT, "fail", "the prefix of log files",
         _lifecycle("03-02", Expiration={"Days": 9}, Filter={"Prefix": "org/AWSLogs/"})),
    Case(KEPT, "unknown", "another prefix", _lifecycle("03-02", Expiration={"Days": 9}, Filter={"Prefix": "tmp/"})),
    Case(KEPT, "unknown", "another error", _s3("03-02", "GetBucketLifecycle", error="AccessDenied")),
    Case(KEPT, "unknown", "refused", _s3("03-02", "DeleteBucketLifecycle", error="AccessDenied")),
    Case(KEPT, "unknown", "another prefix, as it was written before", _lifecycle(
        "03-02", Expiration={"Days": 9}, Prefix="tmp/"
    )),
    Case(KEPT, "pass", "an error of a read by its longer name",
         _s3("03-02", "GetBucketLifecycleConfiguration", error="NoSuchLifecycleConfiguration")),
    # Policy
    *_bucket_cases(FOREIGN, lambda time, bucket: _s3(time, "DeleteBucketPolicy", bucket=bucket)),
    Case(FOREIGN, "pass", "an error of a read is a fact", _s3("03-02", "GetBucketPolicy", error="NoSuchBucketPolicy")),
    Case(FOREIGN, "unknown", "a new policy",
         told(_s3("03-01", "DeleteBucketPolicy"), _s3("03-02", "PutBucketPolicy")), "PutBucketPolicy of"),
    Case(FOREIGN, "unknown", "another error", _s3("03-02", "GetBucketPolicy", error="AccessDenied")),
    Case(FOREIGN, "unknown", "refused", _s3("03-02", "DeleteBucketPolicy", error="AccessDenied")),
]  # fmt: skip


# Who is told ---------------------------------------------------------------------------------------------------------

ROOT_FILTER = '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS }'


def _filter(pattern: str = ROOT_FILTER, region: str = "us-east-1") -> Tell:
    made: Json = {"filterPattern": pattern, "metricTransformations": [{"metricName": "root", "metricValue": "1"}]}
    return lambda s: s.by_bob("03-01", "logs:PutMetricFilter", made, region=region)


def _alarm(time: str = "03-02", metric: str = "root", region: str = "us-east-1", **more: object) -> Tell:
    made: Json = {"alarmName": "root-used", "metricName": metric, **more}
    return lambda s: s.by_bob(time, "monitoring:PutMetricAlarm", made, region=region)


def _rule(time: str = "03-02", kind: str = "Root", region: str = "us-east-1", **more: object) -> Tell:
    pattern = json.dumps({"detail": {"userIdentity": {"type": [kind]}}})
    made: Json = {"name": "root", "eventPattern": pattern, **more}
    return lambda s: s.by_bob(time, "events:PutRule", made, region=region)


def _detector(time: str, action: str, **request: object) -> Tell:
    answer: Json | None = {"detectorId": "d-1"} if action == "CreateDetector" else None
    named: Json = {} if action == "CreateDetector" else {"detectorId": "d-1"}
    return lambda s: s.by_bob(time, f"guardduty:{action}", {**named, **request}, answer)


def _switch(time: str, action: str, **request: object) -> Tell:
    return lambda s: s.by_bob(time, action, dict(request))


OFF = _switch("03-03", "events:DisableRule", name="root")

TOLD_CASES = [
    Case(TOLD, "unknown", "nothing of it", nothing),
    Case(TOLD, "pass", "an alarm", told(_filter(), _alarm()), "alarm root-used by PutMetricAlarm of arn:aws:iam::"),
    Case(TOLD, "unknown", "a filter without an alarm", _filter()),
    Case(TOLD, "unknown", "an alarm without a filter", _alarm()),
    Case(TOLD, "unknown", "an alarm on another metric", told(_filter(), _alarm(metric="other"))),
    Case(TOLD, "unknown", "an alarm in another region", told(_filter(), _alarm(region="eu-west-1"))),
    Case(TOLD, "unknown", "a filter of all but root",
         told(_filter('{ $.userIdentity.type != "Root" }'), _alarm())),
    Case(TOLD, "unknown", "a filter of users", told(_filter('{ $.userIdentity.type = "IAMUser" }'), _alarm())),
    Case(TOLD, "fail", "an alarm without actions", told(_filter(), _alarm(actionsEnabled=False))),
    Case(TOLD, "fail", "the alarm is deleted", told(
        _filter(), _alarm(), _switch("03-03", "monitoring:DeleteAlarms", alarmNames=["x", "root-used"])
    )),
    Case(TOLD, "pass", "another alarm is deleted", told(
        _filter(), _alarm(), _switch("03-03", "monitoring:DeleteAlarms", alarmNames=["other"])
    )),
    Case(TOLD, "fail", "actions off", told(
        _filter(), _alarm(), _switch("03-03", "monitoring:DisableAlarmActions", alarmNames=["root-used"])
    )),
    Case(TOLD, "pass", "actions off and on", told(
        _filter(), _alarm(),
        _switch("03-03", "monitoring:DisableAlarmActions", alarmNames=["root-used"]),
        _switch("03-04", "monitoring:EnableAlarmActions", alarmNames=["root-used"]),
    )),
    Case(TOLD, "pass", "a rule", _rule(), "EventBridge rule root by PutRule"),
    Case(TOLD, "unknown", "a rule of users", _rule(kind="IAMUser")),
    Case(TOLD, "unknown", "a rule where root's logins are not", _rule(region="eu-west-1")),
    Case(TOLD, "fail", "a rule that is off", _rule(state="DISABLED")),
    Case(TOLD, "fail", "switched off", told(_rule(), OFF), "DisableRule of"),
    Case(TOLD, "fail", "deleted", told(_rule(), _switch("03-03", "events:DeleteRule", name="root"))),
    Case(TOLD, "pass", "on again", told(_rule(), OFF, _switch("03-04", "events:EnableRule", name="root"))),
    Case(TOLD, "pass", "another rule is off", told(_rule(), _switch("03-03", "events:DisableRule", name="other"))),
    Case(TOLD, "unknown", "a rule by its name alone", _switch("03-03", "events:EnableRule", name="root")),
    Case(TOLD, "pass", "GuardDuty", _detector("03-02", "CreateDetector", enable=True), "GuardDuty detector d-1 by"),
    Case(TOLD, "fail", "GuardDuty off", told(
        _detector("03-02", "CreateDetector", enable=True), _detector("03-03", "UpdateDetector", enable=False)
    )),
    Case(TOLD, "fail", "GuardDuty gone", told(
        _detector("03-02", "CreateDetector", enable=True), _detector("03-03", "DeleteDetector")
    )),
    Case(TOLD, "pass", "GuardDuty asked to tell sooner", told(
        _detector("03-02", "CreateDetector", enable=True),
        _detector("03-03", "UpdateDetector", findingPublishingFrequency="ONE_HOUR"),
    )),
    Case(TOLD, "pass", "one of two is enough", told(_rule(), _detector("03-03", "CreateDetector", enable=False))),
    Case(TOLD, "unknown", "refused", lambda s: s.by_bob(
        "03-02", "guardduty:CreateDetector", {"enable": True}, error=("AccessDeniedException", "no")
    )),
    Case(TOLD, "unknown", "another service's call", _switch("03-02", "other:CreateDetector", enable=True)),
]  # fmt: skip

MONITOR_CASES = [*BUCKET_CASES, *TOLD_CASES]
