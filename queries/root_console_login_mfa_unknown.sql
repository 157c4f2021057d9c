-- /// rule
-- title = "Root console login, MFA unknown"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0001:T1078.004"]
-- description = """
-- The root user signed in to the console, and the record does not say whether MFA was used: MFAUsed is absent or
-- neither "Yes" nor "No". Treat the login as one without MFA until shown otherwise.
-- """
-- response = """
-- 1. Ask the account owner whether they signed in, from this address, at this time.
-- 2. Look at the record under `records`: what stands in additionalEventData?
-- 3. Check in the console, or in IAM's credential report, whether root has MFA.
-- 4. If the login was not theirs: recover the account, rotate the root password, delete root access keys.
-- """
-- false_positives = ["Records that passed through a tool which dropped additionalEventData."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
-- ]
-- # A late AssumeRoot record can show that a session was no login by root.
-- monotone = false
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'root signed in to the console of account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address') || '; the log does not say whether MFA was used' AS summary,
    field(additionalEventData, 'MFAUsed') AS mfa_used,
    field(additionalEventData, 'LoginTo') AS login_to
FROM root_logins
WHERE mfa = 'unknown'
