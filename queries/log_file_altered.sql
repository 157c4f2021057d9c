-- /// rule
-- title = "Log file altered"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0005:T1070", "TA0040:T1565.001"]
-- description = """
-- A log file has another content than the one whose hash CloudTrail signed, or it ends too early, or something follows
-- its end. Somebody who can write to the log bucket changed it after its delivery: records may have been taken out or
-- put in. Only known when digests are verified (`--verify`).
-- """
-- response = """
-- 1. Keep the object as it is, with its versions: do not let a lifecycle rule or a repair overwrite it.
-- 2. Find out who wrote it: S3 data events, server access logs, versions and their owners in the log bucket.
-- 3. Get the original: an earlier version, a replica, or the event history (90 days), and compare the records.
-- 4. Do not rely on what the file says, nor on what is missing from it, until then.
-- """
-- false_positives = ["A tool that edits log files in place, for example to redact them."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html",
-- ]
-- ///

SELECT
    account_id,
    event_time,
    [coalesce(cause_id, uri)] AS event_ids,
    uri AS dedup_key,
    'log file ' || parse_filename(uri) || ' of account ' || account_id || ' in ' || region
    || ' is not what CloudTrail delivered: signed ' || coalesce(signed_sha256[:8], 'nothing known') || ', found '
    || coalesce(found_sha256[:8], 'nothing whole') || explanation AS summary,
    uri AS log_file,
    region,
    digest,
    signed_sha256,
    found_sha256,
    cause
FROM integrity_findings_explained
WHERE
    kind = 'log_file'
    AND verdict = 'altered'
