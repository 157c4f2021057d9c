-- /// rule
-- title = "MFA device of another user deactivated"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0003:T1556.006", "TA0006:T1556.006"]
-- description = """
-- Somebody deactivated the MFA device of an IAM user who is not themselves. With that user's password, or a new
-- one, the account is open. Low when the same actor deletes the user within 60 minutes: off-boarding must
-- deactivate first. Also reported, as unknown user, when the record does not show whose device it was.
-- """
-- response = """
-- 1. Ask the actor, over another channel, why.
-- 2. Look at what the user did since: console logins without MFA, new access keys, a new login profile.
-- 3. If unexpected: disable the user's password and keys, then the actor's credentials, and register MFA again.
-- """
-- false_positives = ["Help desk replacing a lost device.", "Off-boarding that deletes the user later than an hour after."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html"]
-- # Later data can lower the severity, never take the finding back.
-- # A late record can show that the device was root's.
-- monotone = false
-- reports_alone = "other_user_mfa_deactivations"
-- ///

WITH deactivations AS (
    SELECT
        *,
        (
            SELECT min(deletion.event_time)
            FROM user_deletions AS deletion
            WHERE
                deletion.account_id IS NOT DISTINCT FROM deactivation.account_id
                AND deletion.actor_key = deactivation.actor_key
                AND lower(deletion.named_user) = lower(deactivation.mfa_target)
                AND deletion.event_time BETWEEN deactivation.event_time AND deactivation.event_time + INTERVAL 60 MINUTE
        ) AS user_deleted_at
    FROM other_user_mfa_deactivations AS deactivation
)

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(actor_arn, 'an unknown caller') || ' deactivated the MFA device of '
    || coalesce('user ' || mfa_target, 'an unknown user') || ' in account ' || coalesce(account_id, 'unknown')
    || CASE WHEN user_deleted_at IS NULL THEN '' ELSE ' and deleted the user within the hour' END AS summary,
    CASE WHEN user_deleted_at IS NULL THEN 'high' ELSE 'low' END AS severity,
    mfa_target AS target_user,
    mfa_serial,
    user_deleted_at
FROM deactivations
