-- /// rule
-- title = "IAM user deactivated their own MFA device"
-- severity = "medium"
-- confidence = "high"
-- attack = ["TA0003:T1556.006", "TA0006:T1556.006"]
-- description = """
-- An IAM user deactivated their own MFA device. Whoever holds a stolen session of the user can do the same, to
-- come back later with the password alone. Info when the same user enables a device within 30 minutes: a swap.
-- """
-- response = """
-- 1. Ask the user, over another channel, whether they did it.
-- 2. Compare address and user agent with the user's usual ones.
-- 3. If it was not them: disable password and keys of the user, look at what the session did.
-- """
-- false_positives = ["A user replaces a device and takes longer than half an hour."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_disable.html"]
-- # Later data can lower the severity, never take the finding back.
-- # A late record can show that the device was root's.
-- monotone = false
-- ///

WITH deactivations AS (
    SELECT
        *,
        (
            SELECT min(swap.event_time)
            FROM mfa_activations AS swap
            WHERE
                swap.account_id IS NOT DISTINCT FROM deactivation.account_id
                AND swap.mfa_target_is_caller
                AND lower(swap.mfa_target) = lower(deactivation.mfa_target)
                AND swap.event_time BETWEEN deactivation.event_time AND deactivation.event_time + INTERVAL 30 MINUTE
        ) AS enabled_again_at
    FROM own_mfa_deactivations AS deactivation
)

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'user ' || coalesce(mfa_target, 'unknown') || ' of account ' || coalesce(account_id, 'unknown')
    || ' deactivated their own MFA device from ' || coalesce(source_ip, 'an unknown address')
    || CASE WHEN enabled_again_at IS NULL THEN '' ELSE ' and enabled one within 30 minutes' END AS summary,
    CASE WHEN enabled_again_at IS NULL THEN 'medium' ELSE 'info' END AS severity,
    mfa_target AS target_user,
    mfa_serial,
    enabled_again_at
FROM deactivations
