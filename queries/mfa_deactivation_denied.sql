-- /// rule
-- title = "MFA deactivation denied"
-- severity = "medium"
-- confidence = "medium"
-- attack = ["TA0003:T1556.006", "TA0006:T1556.006"]
-- description = """
-- Somebody tried to deactivate an MFA device and lacked the permission. The device still works, but the intent is
-- the same as with a call that succeeds, and the next attempt may come with better credentials. High when root
-- made the call or when the device is root's.
-- """
-- response = """
-- 1. Ask the caller, over another channel, what they were trying to do.
-- 2. List what the same credentials did in the hour before and after: other denied calls show somebody feeling the way.
-- 3. If the caller knows nothing of it: disable the credentials, then look at how they were lost.
-- """
-- false_positives = [
--     "A user whose policy does not let them manage their own device.",
--     "Help desk staff using the wrong role.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_my-sec-creds-self-manage-mfa-only.html",
-- ]
-- monotone = true
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(actor_arn, 'an unknown caller') || ' was not allowed to deactivate the MFA device of '
    || CASE mfa_target_kind WHEN 'root' THEN 'root' WHEN 'user' THEN 'user ' || mfa_target ELSE 'an unknown user' END
    || ' in account ' || coalesce(account_id, 'unknown') || ' from ' || coalesce(source_ip, 'an unknown address') AS summary,
    CASE WHEN is_root OR mfa_target_kind = 'root' THEN 'high' ELSE 'medium' END AS severity,
    mfa_target AS target_user,
    mfa_serial,
    error_code
FROM mfa_deactivation_denials
