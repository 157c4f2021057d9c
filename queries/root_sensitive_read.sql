-- /// rule
-- title = "Root read secrets or the account's identities"
-- severity = "medium"
-- confidence = "high"
-- attack = ["TA0006:T1555.006", "TA0007:T1087.004", "TA0007:T1526"]
-- description = """
-- The root user read what an intruder wants first: secrets, keys, passwords of machines, parameters, who and which
-- roles are in the account, its buckets, its log. One alert for each account, session and UTC hour; the calls are
-- in the context.
-- """
-- response = """
-- 1. Match the session with a ticket or ask the account owner.
-- 2. If nobody knows of it: recover the account, and rotate every secret that was read.
-- 3. Look at what the session did next: root_api_call, root_session_minted.
-- """
-- false_positives = ["A console page that lists users or buckets while the owner does a task that needs root."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-tasks.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html",
-- ]
-- # A late AssumeRoot record can show that a session was not direct use of root.
-- monotone = false
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([session_key, hour_of(event_time)]) AS dedup_key,
    'root of account ' || coalesce(account_id, 'unknown') || ' read secrets or identities from '
    || coalesce(arg_max(source_ip, (event_time, event_id)), 'an unknown address') || ': '
    || array_to_string(list_sort(list(DISTINCT event_name))[:5], ', ')
    || CASE WHEN count(DISTINCT event_name) > 5 THEN ' and more' ELSE '' END AS summary,
    list_sort(list(DISTINCT service || ':' || event_name)) AS calls,
    list_sort(list(DISTINCT region))[:20] AS regions,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips,
    list_sort(list(DISTINCT root_origin))[:20] AS root_origins
FROM root_sensitive_reads
GROUP BY account_id, session_key, hour_of(event_time)
