-- /// rule
-- title = "Root login stopped at the MFA challenge"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0006:T1110", "TA0006:T1621"]
-- description = """
-- A root login failed, and its record says that MFA was used. The challenge comes after the password, so whoever
-- tried had the right password, and only the MFA device kept them out. One alert for each account and UTC hour.
-- """
-- response = """
-- 1. Ask whoever holds root's MFA device whether they mistyped a code at this time.
-- 2. If not: the password is known to somebody. Change it now, and the password of root's mailbox.
-- 3. Look for a login from the same address (root_console_login) and for root_password_recovery_requested.
-- """
-- false_positives = ["The owner mistypes a code, or takes the wrong device."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html",
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
    group_key([hour_of(event_time)]) AS dedup_key,
    CASE
        WHEN count(DISTINCT source_ip) > 1 THEN 'somebody at ' || count(DISTINCT source_ip) || ' addresses'
        ELSE 'somebody at ' || coalesce(min(source_ip), 'an unknown address')
    END
    || ' knew the root password of account ' || coalesce(account_id, 'unknown') || ' and failed at MFA'
    || CASE WHEN count(*) > 1 THEN ' ' || count(*) || ' times' ELSE '' END AS summary,
    list_sort(list(DISTINCT field(additionalEventData, 'MFAIdentifier')))[:20] AS mfa_devices,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM root_mfa_challenge_failures
GROUP BY account_id, hour_of(event_time)
