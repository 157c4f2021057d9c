-- /// rule
-- title = "Root console login with MFA"
-- severity = "medium"
-- confidence = "high"
-- attack = ["TA0001:T1078.004"]
-- description = """
-- The root user signed in to the console with MFA. That is how root should be used when it must be, and it must
-- be seldom: every login wants a person who says why.
-- """
-- response = """
-- 1. Match the login with a ticket or ask the account owner.
-- 2. If nobody knows of it: treat password and MFA device as lost, recover the account, replace both.
-- 3. If the reason was routine work, move that work to a role.
-- """
-- false_positives = ["Break-glass use and the few tasks that need root."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-tasks.html",
-- ]
-- # A late AssumeRoot record can show that a session was no login by root.
-- monotone = false
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'root signed in to the console of account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address') || ' with MFA' AS summary,
    field(additionalEventData, 'MFAIdentifier') AS mfa_identifier,
    field(additionalEventData, 'LoginTo') AS login_to
FROM root_logins
WHERE mfa = 'yes'
