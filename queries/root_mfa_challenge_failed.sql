-- /// rule
-- title = "Root login stopped at the MFA challenge"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0006:T1110", "TA0006:T1621"]
-- description = """
-- A root login failed, and its record says that MFA was used. The challenge comes after the password, so whoever
-- tried had the right password, and only the MFA device kept them out.
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
    event_time,
    [event_id] AS event_ids,
    'somebody at ' || coalesce(source_ip, 'an unknown address') || ' knew the root password of account '
    || coalesce(account_id, 'unknown') || ' and failed at MFA' AS summary,
    field(additionalEventData, 'MFAIdentifier') AS mfa_device
FROM root_login_failures
WHERE mfa = 'yes'
