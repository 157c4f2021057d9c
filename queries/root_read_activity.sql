-- /// rule
-- title = "Root looked around"
-- severity = "info"
-- confidence = "high"
-- attack = ["TA0007:T1580"]
-- description = """
-- Calls of the root user that no other rule about root reports: harmless reads, whatever came of them, and writes
-- that failed for another reason than permission. One alert for each account, address and UTC hour, so that no use
-- of root stays out of sight.
-- """
-- response = """
-- 1. Nothing by itself. Read it beside the other alerts of the account and hour.
-- 2. Where there is none: ask the account owner who was signed in as root, and why.
-- """
-- false_positives = ["Pages of the console, which make many reads each."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html"]
-- # A late AssumeRoot record can show that a session was not direct use of root.
-- monotone = false
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([source_ip, hour_of(event_time)]) AS dedup_key,
    'root of account ' || coalesce(account_id, 'unknown') || ' made ' || count(*)
    || CASE WHEN count(*) > 1 THEN ' harmless or failed calls from ' ELSE ' harmless or failed call from ' END
    || coalesce(source_ip, 'an unknown address') AS summary,
    list_sort(list(DISTINCT coalesce(service, event_source, 'unknown') || ':' || coalesce(event_name, 'unknown')))[:20] AS calls,
    list_sort(list(DISTINCT error_code))[:20] AS error_codes,
    list_sort(list(DISTINCT session_key))[:20] AS sessions
FROM root_calls_unreported
GROUP BY account_id, source_ip, hour_of(event_time)
