-- /// rule
-- title = "Root MFA device deactivated"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0003:T1556.006", "TA0006:T1556.006"]
-- description = """
-- An MFA device of the root user was deactivated, by root itself or through an AssumeRoot session. If it was the
-- only one, the root password alone now opens the account; CloudTrail cannot show how many there were.
-- """
-- response = """
-- 1. Ask the account owner whether they are replacing a device, right now.
-- 2. Look for EnableMFADevice on root shortly before or after: a swap. The recommended order is new device first.
-- 3. If nobody knows of it: end root sessions by a password change, recover the account, register MFA again.
-- 4. For an AssumeRoot session, find the AssumeRoot call of the management account and who made it.
-- """
-- false_positives = ["Replacing a lost or old device."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/enable-mfa-for-root.html",
-- ]
-- # A late record can show that a user had given their device the name of root's.
-- monotone = false
-- reports_alone = "root_mfa_deactivations"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'an MFA device of root was deactivated in account ' || coalesce(account_id, 'unknown') || ' by '
    || CASE root_origin WHEN 'assume_root' THEN 'an AssumeRoot session' ELSE coalesce(actor_arn, 'an unknown caller') END
    || ' from ' || coalesce(source_ip, 'an unknown address') AS summary,
    mfa_serial,
    root_origin
FROM root_mfa_deactivations
