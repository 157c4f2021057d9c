-- /// rule
-- title = "Chain of digests broken"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002", "TA0005:T1070"]
-- description = """
-- Digests of a trail are missing, changed, or signed by nobody that AWS knows, or the chain began anew after a time
-- without digests: nobody vouches for the log files of that time. One alert for each trail and day with such digests,
-- and one for each time without. Only known when digests are verified (`--verify`).
-- """
-- response = """
-- 1. If it began anew: StopLogging, DeleteTrail or UpdateTrail with enableLogFileValidation false lies before. Ask its
--    caller why, and treat the time without digests as unproven.
-- 2. If digests are missing or changed: restore them from versions or replicas, and find out who wrote to the log bucket.
-- 3. `detector verify SOURCE --lake DIR` names each digest, and the log files that are left without proof.
-- """
-- false_positives = [
--     "A lifecycle rule that deletes digests.", "Infrastructure code that recreates a trail or turns validation off.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html",
-- ]
-- ///

WITH damaged AS (
    SELECT
        account_id,
        region,
        trail,
        min(event_time) AS first_event_time,
        max(last_event_time) AS last_event_time,
        count(*) AS digests,
        string_agg(DISTINCT verdict, ', ' ORDER BY verdict) AS verdicts,
        arg_min(coalesce(cause_id, uri), (event_time, uri)) AS named_id,
        arg_min(explanation, (event_time, uri)) AS explanation,
        arg_min(cause, (event_time, uri)) AS cause
    FROM integrity_findings_explained
    WHERE kind = 'digest'
    GROUP BY account_id, region, trail, CAST(event_time AS DATE)
)

SELECT
    account_id,
    first_event_time AS event_time,
    last_event_time,
    [named_id] AS event_ids,
    region || ' ' || trail || ' ' || CAST(CAST(first_event_time AS DATE) AS VARCHAR) AS dedup_key,
    digests || CASE WHEN digests = 1 THEN ' digest' ELSE ' digests' END || ' of the trail ' || trail || ' of account '
    || account_id || ' in ' || region || ' from ' || strftime(first_event_time, '%Y-%m-%dT%H:%M:%SZ') || ' on: '
    || verdicts || explanation AS summary,
    region,
    trail,
    cause
FROM damaged
UNION ALL BY NAME
SELECT
    account_id,
    event_time,
    last_event_time,
    [coalesce(cause_id, uri)] AS event_ids,
    region || ' ' || uri || ' ' || strftime(event_time, '%Y-%m-%dT%H:%M:%SZ') AS dedup_key,
    'no digests of account ' || account_id || ' in ' || region || ' from '
    || strftime(event_time, '%Y-%m-%dT%H:%M:%SZ') || ' to ' || strftime(last_event_time, '%Y-%m-%dT%H:%M:%SZ')
    || ', then the chain began anew; ' || log_files
    || CASE WHEN log_files = 1 THEN ' log file was delivered in that time' ELSE ' log files were delivered in that time' END
    || explanation AS summary,
    region,
    NULL AS trail,
    cause
FROM integrity_findings_explained
WHERE
    kind = 'gap'
    AND verdict = 'restarted'
