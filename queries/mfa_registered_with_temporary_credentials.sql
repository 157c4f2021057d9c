-- /// rule
-- title = "MFA device registered with temporary credentials"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0003:T1098.005", "TA0003:T1556.006"]
-- description = """
-- An MFA device was registered by a session with temporary credentials (ASIA…) outside the console. People register
-- devices in the console; a stolen session does it through the API, and the device then passes MFA wherever the
-- user's policies ask for it. AssumeRoot sessions and devices of root have rules of their own.
-- """
-- response = """
-- 1. Ask the user whose device it is, over another channel, whether they registered it.
-- 2. Find out where the session came from: the GetSessionToken or AssumeRole call that gave out the key.
-- 3. If the user knows nothing of it: deactivate the device, disable the user's keys and password, and revoke the
--    role's sessions older than now.
-- """
-- false_positives = [
--     "Onboarding automation that registers devices with a role.",
--     "aws-vault and the like on a person's machine.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html",
-- ]
-- # A late AssumeRoot record can show that the session was one.
-- monotone = false
-- reports_alone = "session_mfa_activations"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(actor_arn, 'an unknown caller') || ' registered an MFA device for '
    || coalesce('user ' || mfa_target, 'an unknown user') || ' of account ' || coalesce(account_id, 'unknown')
    || ' with temporary credentials from ' || coalesce(source_ip, 'an unknown address') AS summary,
    mfa_target AS target_user,
    mfa_serial,
    access_key_id,
    session_issuer
FROM session_mfa_activations
