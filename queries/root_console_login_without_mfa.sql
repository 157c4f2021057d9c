-- /// rule
-- title = "Root console login without MFA"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0001:T1078.004"]
-- description = """
-- The root user signed in to the console and CloudTrail says that MFA was not used. No IAM policy limits root, so
-- a stolen password was enough to own the account. Failed logins are not counted here; their records say
-- MFAUsed "No" whether or not root has MFA.
-- """
-- response = """
-- 1. Ask the account owner whether they signed in, from this address, at this time.
-- 2. If not: recover the account through AWS Support, rotate the root password, delete root access keys.
-- 3. List what the session did: root_api_call and all events of this address within 12 hours.
-- 4. Register MFA for root, or remove root's credentials with centralised root access.
-- """
-- false_positives = ["The first login to a new account, before MFA is set up."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html",
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
    || coalesce(source_ip, 'an unknown address') || ' without MFA' AS summary,
    field(additionalEventData, 'LoginTo') AS login_to,
    field(additionalEventData, 'MobileVersion') AS mobile_version
FROM root_logins
WHERE mfa = 'no'
