-- /// rule
-- title = "Root changed something"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0004:T1078.004"]
-- description = """
-- The root user made calls that change something, with its own credentials. Calls that AWS services make with
-- root's name, and AssumeRoot sessions, are not counted; nor are sign-in events and calls that a rule of their
-- own reports. One alert for each account, session, service, call and hour.
-- """
-- response = """
-- 1. Match the calls with a ticket or ask the account owner.
-- 2. If nobody knows of them: recover the account, then undo what the calls did.
-- 3. If it was routine work, give that work to a role.
-- """
-- false_positives = ["The few tasks that need root.", "Break-glass use."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-tasks.html"]
-- # A late AssumeRoot record can show that a session was not direct use of root.
-- monotone = false
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([session_key, event_source, event_name, hour_of(event_time)]) AS dedup_key,
    'root called ' || coalesce(service, event_source, 'an unknown service') || ' ' || coalesce(event_name, 'an unknown call')
    || CASE WHEN count(*) > 1 THEN ' ' || count(*) || ' times' ELSE '' END
    || ' in account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(arg_max(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    event_source,
    event_name,
    list_sort(list(DISTINCT region))[:20] AS regions,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips,
    list_sort(list(DISTINCT root_origin))[:20] AS root_origins
FROM root_api_calls ANTI JOIN reported_alone USING (logFile, logFileIndex)
WHERE
    is_write
    AND succeeded
GROUP BY account_id, session_key, event_source, service, event_name, hour_of(event_time)
