-- /// rule
-- title = "Log file missing"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0005:T1070.004"]
-- description = """
-- CloudTrail signed that it delivered a log file, and it is not there. Somebody deleted it, or a lifecycle rule did. What
-- it recorded is not in this lake. Only known when digests are verified (`--verify`).
-- """
-- response = """
-- 1. Restore it: a deleted version, a replica, a backup. What is restored is ingested and verified by the next run.
-- 2. Find out who deleted it: S3 data events, server access logs, lifecycle rules of the log bucket.
-- 3. Ask the event history (90 days) what happened in the account and region at that time.
-- """
-- false_positives = ["A lifecycle rule that deletes log files sooner than their digests."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html",
--     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html",
-- ]
-- ///

SELECT
    account_id,
    event_time,
    [coalesce(cause_id, uri)] AS event_ids,
    uri AS dedup_key,
    'log file ' || parse_filename(uri) || ' of account ' || account_id || ' in ' || region
    || ' was delivered by CloudTrail and is not there' || explanation AS summary,
    uri AS log_file,
    region,
    digest,
    signed_sha256,
    cause
FROM integrity_findings_explained
WHERE
    kind = 'log_file'
    AND verdict = 'missing'
