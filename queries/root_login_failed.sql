-- /// rule
-- title = "Root sign-in failed"
-- severity = "info"
-- confidence = "high"
-- attack = ["TA0006:T1110"]
-- description = """
-- A sign-in of the root user failed, or a step that belongs to it: a login, an MFA check, a change of the password or
-- e-mail address, the end of a password recovery. Told here when no other rule does: guessing, spraying and logins that
-- stopped at MFA have rules of their own. One alert for each account, address and UTC hour, so that no attempt stays
-- out of sight.
-- """
-- response = """
-- 1. Nothing by itself: owners mistype. Read it beside the other alerts of the account.
-- 2. Where the address is not the owner's: ask whether anybody was to use root then, and look at what else came from it.
-- """
-- false_positives = ["The owner mistypes the password."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
-- ]
-- # Later failures can make guessing of it, which is told by that rule.
-- monotone = false
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([source_ip, hour_of(event_time)]) AS dedup_key,
    CASE WHEN count(*) > 1 THEN count(*) || ' sign-in events' ELSE min(event_name) END || ' of root of account '
    || coalesce(account_id, 'unknown') || ' failed, from ' || coalesce(source_ip, 'an unknown address') AS summary,
    list_sort(list(DISTINCT event_name))[:20] AS event_names,
    list_sort(list(DISTINCT error_message))[:20] AS error_messages,
    list_sort(list(DISTINCT user_agent))[:20] AS user_agents
FROM other_root_sign_in_failures
GROUP BY account_id, source_ip, hour_of(event_time)
