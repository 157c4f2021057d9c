-- /// rule
-- title = "Change made in an AssumeRoot session"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0004:T1548.005", "TA0003:T1098"]
-- description = """
-- A root session that somebody took with AssumeRoot changed something in the member account: deleted a bucket's
-- policy, removed root's credentials or allowed a new root password. One alert for each session and call. The
-- session is known by its own mark or by the key that AssumeRoot handed out.
-- """
-- response = """
-- 1. Find the AssumeRoot call in the caller's account (context `assumed_by`) and the ticket for it.
-- 2. Check that the change is the one asked for, on the resource asked for.
-- 3. If unexpected: undo it (policy, MFA device, login profile), revoke the caller's sessions.
-- 4. See with assume_root_fan_out whether other accounts were visited too.
-- """
-- false_positives = ["Unlocking a bucket or a queue, or removing root's credentials, as planned."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html",
-- ]
-- # A late AssumeRoot record can only show one more session to be of this kind.
-- monotone = true
-- ///

WITH sessions AS (
    SELECT
        field(responseElements, '$.credentials.accessKeyId') AS handed_out_key,
        min(caller) AS assumed_by,
        min(task) AS task
    FROM assume_root_calls
    GROUP BY handed_out_key
)

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    -- Without key and address nothing says that two calls are of one session.
    group_key([coalesce(session_key, event_id), event_source, event_name]) AS dedup_key,
    'an AssumeRoot session of ' || coalesce(min(assumed_by), 'an unknown caller') || ' called '
    || coalesce(service, event_source, 'an unknown service') || ' ' || coalesce(event_name, 'an unknown call')
    || CASE WHEN count(*) > 1 THEN ' ' || count(*) || ' times' ELSE '' END
    || ' as root of account ' || coalesce(account_id, 'unknown') AS summary,
    event_source,
    event_name,
    min(assumed_by) AS assumed_by,
    min(task) AS task,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM candidates LEFT JOIN sessions ON handed_out_key = access_key_id
WHERE
    root_origin = 'assume_root'
    AND is_write
    AND succeeded
    -- Taking the session is assume_root's to report.
    AND NOT coalesce(service = 'sts' AND event_name = 'AssumeRoot', false)
GROUP BY account_id, coalesce(session_key, event_id), event_source, service, event_name
