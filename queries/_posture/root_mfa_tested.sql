-- /// check
-- title = "Root's MFA devices were used since they were enrolled"
-- label = "MFA tested"
-- step = "7"
-- why = """
-- A device that was never used may not work on the day it is needed. A login names the device that answered. Passing the
-- challenge alone is half a login and does not count; nor is a six-digit code asked for where the device is a passkey.
-- """
-- known_as = []
-- over = "every"
-- words = {pass = "yes", fail = "no"}
-- unseen = "no root login and no enrolment seen"
-- silence = "no removal"
-- next = "sign out, and sign in as root with each device"
-- ///

-- Where a login names no device, each that had been enrolled by then may have been used.
WITH nameless AS (
    SELECT DISTINCT
        login.account_id,
        login.event_time,
        login.event_id,
        device.serial
    FROM root_device_events AS login
    INNER JOIN root_device_events AS device
        ON device.account_id = login.account_id
        AND device.event_time < login.event_time
    WHERE
        login.act = 'used'
        AND login.serial IS NULL
        AND device.act = 'enrolled'
        AND device.serial IS NOT NULL
)

SELECT
    account_id,
    event_time,
    coalesce(serial, '') AS subject,
    CASE
        WHEN act = 'enrolled' THEN 'no'
        WHEN act = 'used' THEN 'yes'
        WHEN serial IS NULL THEN 'unsure'
        ELSE 'gone'
    END AS says,
    coalesce(name, 'a device that is not named') || CASE act
        WHEN 'enrolled' THEN ' enrolled, not seen in a login since'
        WHEN 'used' THEN ' used from ' || source_ip
        ELSE ' removed'
    END AS detail,
    event_id
FROM root_device_events
WHERE
    act IN ('enrolled', 'removed')
    OR (act = 'used' AND serial IS NOT NULL)
UNION ALL
SELECT
    account_id,
    event_time,
    serial AS subject,
    CASE count(*) OVER (PARTITION BY account_id, event_id) WHEN 1 THEN 'yes' ELSE 'unsure' END AS says,
    'a login with MFA that names no device' AS detail,
    event_id
FROM nameless
UNION ALL
-- A login without MFA stands until there is one with it.
SELECT
    account_id,
    event_time,
    '' AS subject,
    CASE mfa WHEN 'no' THEN 'no' ELSE 'gone' END AS says,
    'console login ' || CASE mfa WHEN 'no' THEN 'without' ELSE 'with' END || ' MFA from ' || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM root_logins
WHERE mfa IN ('yes', 'no')
