-- /// rule
-- title = "Root password guessed at"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0006:T1110.001"]
-- description = """
-- Five or more logins of the root user of one account failed within 15 minutes, from whatever addresses: guessing
-- is easily spread over many. One alert for each account and UTC hour in which the fifth or a later one fell.
-- """
-- response = """
-- 1. Ask the account owner whether they locked themselves out.
-- 2. Look for root_login_after_failures and root_mfa_challenge_failed: did a guess succeed?
-- 3. If it was not the owner: make sure that root has MFA and a long password of its own, and watch the account.
-- """
-- false_positives = ["The owner forgot the password.", "A password manager that fills in an old password."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
-- ]
-- # A late AssumeRoot record can show that a session was no login by root.
-- monotone = false
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([trigger_hour]) AS dedup_key,
    count(*) || ' root logins of account ' || coalesce(account_id, 'unknown') || ' failed in quick succession, from '
    || CASE count(DISTINCT source_ip)
        WHEN 0 THEN 'unknown addresses'
        WHEN 1 THEN min(source_ip)
        ELSE count(DISTINCT source_ip) || ' addresses'
    END AS summary,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips,
    list_sort(list(DISTINCT user_agent))[:20] AS user_agents
FROM root_login_guesses
GROUP BY account_id, trigger_hour
