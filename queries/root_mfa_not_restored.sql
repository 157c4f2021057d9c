-- /// rule
-- title = "Root left without a new MFA device"
-- severity = "critical"
-- confidence = "medium"
-- attack = ["TA0003:T1556.006", "TA0006:T1556.006"]
-- description = """
-- An MFA device of root was deactivated and no device was registered for root in the hour before or after. So this
-- was no swap, and root's password may now be all that protects the account. The rule waits until the account's
-- records reach half an hour beyond that hour. It is silent when root signed in with MFA in the hour after, and when
-- another device was seen before, registered or used to sign in, and was not deactivated since; one that was never seen
-- CloudTrail cannot show.
-- """
-- response = """
-- 1. Look at the account: does root have an MFA device (IAM dashboard, credential report, mfa_active of root)?
-- 2. If it has none, and the account should have root credentials: sign in with the owner and register one now.
-- 3. If an AssumeRoot session removed it along with root's password, this is how centralised root access works: confirm
--    it with the owner of the management account.
-- 4. If nobody knows of the deactivation: treat root as taken over; see root_mfa_deactivated.
-- """
-- false_positives = [
--     "Root credentials removed on purpose with centralised root access.",
--     "One of several devices removed.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/enable-mfa-for-root.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html",
-- ]
-- # A late record of the new device takes the finding back.
-- monotone = false
-- ///

-- When each device that was seen to be root's was deactivated next, if it was.
WITH devices AS (
    SELECT
        device.account_id,
        device.serial,
        min(device.event_time) AS event_time,
        removal.event_time AS removed_at
    FROM root_mfa_devices AS device
    ASOF LEFT JOIN root_mfa_deactivations AS removal
        ON
            removal.account_id IS NOT DISTINCT FROM device.account_id
            AND removal.mfa_serial = device.serial
            AND removal.event_time >= device.event_time
    GROUP BY device.account_id, device.serial, removal.event_time
)

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'an MFA device of root was deactivated in account ' || coalesce(account_id, 'unknown') || ' by '
    || CASE root_origin WHEN 'assume_root' THEN 'an AssumeRoot session' ELSE coalesce(actor_arn, 'an unknown caller') END
    || ' and none was registered for root within an hour' AS summary,
    mfa_serial,
    root_origin
FROM root_mfa_deactivations AS removal
SEMI JOIN account_watermarks AS seen
    ON
        seen.account_id IS NOT DISTINCT FROM removal.account_id
        -- The hour, and the half hour by which log files may be late.
        AND seen.watermark >= removal.event_time + INTERVAL 90 MINUTE
ANTI JOIN root_mfa_activations AS device
    ON
        device.account_id IS NOT DISTINCT FROM removal.account_id
        AND device.event_time BETWEEN removal.event_time - INTERVAL 60 MINUTE AND removal.event_time + INTERVAL 60 MINUTE
ANTI JOIN root_logins AS login
    ON
        login.account_id IS NOT DISTINCT FROM removal.account_id
        AND login.mfa = 'yes'
        AND login.event_time BETWEEN removal.event_time AND removal.event_time + INTERVAL 60 MINUTE
ANTI JOIN devices AS other
    ON
        other.account_id IS NOT DISTINCT FROM removal.account_id
        AND other.serial <> removal.mfa_serial
        AND other.event_time < removal.event_time
        AND coalesce(other.removed_at > removal.event_time + INTERVAL 60 MINUTE, true)
