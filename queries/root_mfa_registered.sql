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
-- reports_alone = "root_mfa_activations"
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

registrations AS (
    SELECT
        *,
        (
            -- The last of them; of two in one second the name decides, so that every run picks the same.
            SELECT max((openings.event_time, openings.event_name))
            FROM openings
            WHERE
                openings.target_account IS NOT DISTINCT FROM device.account_id
                AND device.event_time BETWEEN openings.event_time AND openings.event_time + INTERVAL 24 HOUR
        ) AS opening
    FROM root_mfa_activations AS device
)

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'an MFA device was registered for root of account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address')
    || CASE WHEN opening IS NULL THEN '' ELSE ', within 24 hours after ' || opening[2] END AS summary,
    CASE WHEN opening IS NULL THEN 'medium' ELSE 'critical' END AS severity,
    mfa_serial,
    opening[2] AS opened_by,
    opening[1] AS opened_at
FROM registrations
