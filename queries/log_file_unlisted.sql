-- /// rule
-- title = "Log file that CloudTrail did not deliver"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0005:T1036.005", "TA0040:T1565.001"]
-- description = """
-- A log file lies among the others, verified digests cover the time at which it was stored, and none of them lists it.
-- Somebody who can write to the log bucket put it there: its records may be made up, to accuse somebody or to bury what
-- happened. Only known when digests are verified (`--verify`).
-- """
-- response = """
-- 1. Treat all records of the file as untrue, and alerts that rest on it alone as well.
-- 2. Find out who wrote it: S3 data events, server access logs of the log bucket.
-- 3. Look for what it may be meant to hide: real records of the same time, or with the same event ids.
-- """
-- false_positives = ["A trail without log file validation that delivers to the same bucket and prefix."]
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
    || ' is in no digest, though CloudTrail signed what it delivered then' || explanation AS summary,
    uri AS log_file,
    region,
    found_sha256,
    cause
FROM integrity_findings_explained
WHERE
    kind = 'log_file'
    AND verdict = 'unlisted'
