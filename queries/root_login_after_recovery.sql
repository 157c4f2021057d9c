-- /// rule
-- title = "Root login after a recovery of the account"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0003:T1098", "TA0001:T1078.004"]
-- description = """
-- Within 24 hours after root's password was recovered or changed, its recovery was asked for, or its e-mail address
-- was changed, root signed in. That is how an account is taken over through its mailbox, or from the management
-- account. One alert for each login.
-- """
-- response = """
-- 1. Call the account owner now: did they recover the account, and sign in from this address?
-- 2. If not: secure root's mailbox, recover the password once more, end root's sessions through AWS Support.
-- 3. Undo what the session did: root_mfa_registered, root_access_key_created, root_email_changed, root_api_call.
-- """
-- false_positives = ["The owner forgot the password, recovered it and signed in."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reset-root-password.html",
--     "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-update-root-user-email.html",
-- ]
-- # A late AssumeRoot record can show that a session was no login by root.
-- monotone = false
-- ///

SELECT
    login.account_id,
    min(recovery.event_time) AS event_time,
    login.event_time AS last_event_time,
    1 + count(*) AS event_count,
    [login.event_id] || list(recovery.event_id) AS event_ids,
    login.event_id AS subject_event_id,
    login.event_id AS dedup_key,
    'root signed in to the console of account ' || coalesce(login.account_id, 'unknown') || ' from '
    || coalesce(login.source_ip, 'an unknown address') || ' within 24 hours of '
    || array_to_string(list_sort(list(DISTINCT recovery.event_name)), ', ') AS summary,
    login.mfa AS login_mfa,
    list_sort(list(DISTINCT recovery.event_name)) AS recovery_events,
    list_sort(list(DISTINCT recovery.source_ip))[:20] AS recovery_source_ips
FROM root_logins AS login JOIN root_recoveries AS recovery
    ON
        recovery.target_account IS NOT DISTINCT FROM login.account_id
        AND login.event_time BETWEEN recovery.event_time AND recovery.event_time + INTERVAL 24 HOUR
GROUP BY login.account_id, login.event_time, login.event_id, login.source_ip, login.mfa
