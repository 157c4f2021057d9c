-- /// rule
-- title = "MFA device registered for root"
-- severity = "medium"
-- confidence = "high"
-- attack = ["TA0003:T1098.005", "TA0003:T1556.006"]
-- description = """
-- An MFA device was registered for the root user. Whoever holds the device can pass root's MFA from now on. Critical
-- when root's password was recovered or changed, its e-mail address changed, or one of its MFA devices deactivated in
-- the 24 hours before: that is how a takeover is made to last.
-- """
-- response = """
-- 1. Ask the account owner whether the device is theirs.
-- 2. If critical: assume a takeover until the owner has confirmed both this and the change before it.
-- 3. If nobody knows the device: deactivate it, change root's password and e-mail address back, end root's sessions.
-- 4. If that is no longer possible: use centralised root access from the management account, or AWS Support.
-- """
-- false_positives = ["Setting up or replacing root's device.", "Owners who recover their password and then add a device."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/enable-mfa-for-root.html",
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html",
-- ]
-- # Later data can raise the severity, never take the finding back.
-- monotone = true
-- ///

WITH openings AS (
    SELECT
        target_account,
        event_time,
        event_name
    FROM password_recovery_requests
    UNION ALL
    SELECT
        target_account,
        event_time,
        event_name
    FROM root_recoveries
    UNION ALL
    SELECT
        account_id,
        event_time,
        event_name
    FROM root_mfa_deactivations
),

-- Of two in one second the name decides, so that every run picks the same.
moments AS (
    SELECT
        target_account,
        event_time,
        max(event_name) AS event_name
    FROM openings
    GROUP BY target_account, event_time
),

registrations AS (
    SELECT
        device.*,
        moments.event_time AS opened_at,
        moments.event_name AS opened_by
    FROM root_mfa_activations AS device
    ASOF LEFT JOIN moments
        ON
            device.account_id IS NOT DISTINCT FROM moments.target_account
            AND device.event_time >= moments.event_time
)

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'an MFA device was registered for root of account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address')
    || CASE WHEN is_soon THEN ', within 24 hours after ' || coalesce(opened_by, 'a change') ELSE '' END AS summary,
    CASE WHEN is_soon THEN 'critical' ELSE 'medium' END AS severity,
    mfa_serial,
    CASE WHEN is_soon THEN opened_by END AS opened_by,
    CASE WHEN is_soon THEN opened_at END AS opened_at
FROM (
    SELECT
        *,
        coalesce(event_time <= opened_at + INTERVAL 24 HOUR, false) AS is_soon
    FROM registrations
)
