-- /// check
-- title = "Root's MFA cannot be phished"
-- label = "kind of MFA"
-- step = "4"
-- why = """
-- A code can be typed into a false page, a passkey or security key answers the true one only. The weakest device counts,
-- since an intruder chooses which to use. Logs name the devices that were enrolled or used, and never prove that no
-- other one stands beside them.
-- """
-- known_as = ["CIS 1.6", "Security Hub IAM.6", "Prowler iam_root_hardware_mfa_enabled"]
-- over = "every"
-- words = {pass = "strong", fail = "weak"}
-- unseen = "no device of root's seen"
-- ask = "iam:ListVirtualMFADevices"
-- next = "sign in as root, assign a passkey or security key, then remove the weaker devices"
-- ///

SELECT
    account_id,
    event_time,
    coalesce(serial, '') AS subject,
    CASE
        WHEN act = 'removed' AND serial IS NOT NULL THEN 'gone'
        WHEN act = 'removed' OR kind IN ('fido', 'unknown') THEN 'unsure'
        ELSE 'no'
    END AS says,
    CASE
        WHEN act = 'removed' THEN coalesce(name, 'a device that is not named') || ' removed'
        ELSE
            CASE kind
                WHEN 'fido' THEN 'passkey or security key '
                WHEN 'virtual' THEN 'virtual device '
                WHEN 'sms' THEN 'text messages to '
                WHEN 'hardware' THEN 'hardware token '
                ELSE 'device of an unknown kind '
            END || coalesce(name, '') || ' ' || act
    END AS detail,
    event_id
FROM root_device_events
WHERE
    serial IS NOT NULL
    OR act = 'removed'
