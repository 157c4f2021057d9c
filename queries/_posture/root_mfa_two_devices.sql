-- /// check
-- title = "Root has a second MFA device"
-- label = "second device"
-- step = "6"
-- why = """
-- There are no recovery codes for root. Who loses the only device has to prove both the e-mail address and the telephone
-- number to AWS, or ask its support. A second device, of up to eight, avoids that. Logs can show two, also by a sign-in
-- that was offered several; that there is only one they cannot.
-- """
-- known_as = []
-- over = "every"
-- least = 2
-- words = {pass = "two or more", fail = "one"}
-- unseen = "no device of root's seen"
-- silence = "no removal"
-- ask = "iam:GetAccountSummary"
-- next = "sign in as root and assign a second device, kept elsewhere"
-- ///

WITH offers AS (
    SELECT
        account_id,
        event_time,
        event_id
    FROM candidates
    WHERE
        is_root
        AND event_name = 'CheckMfa'
        AND succeeded
        AND field(additionalEventData, 'MfaType') = 'Multiple MFA Devices'
)

SELECT
    account_id,
    event_time,
    subject,
    CASE
        WHEN act <> 'removed' THEN 'yes'
        WHEN is_unnamed THEN 'unsure'
        ELSE 'gone'
    END AS says,
    detail,
    event_id
FROM root_device_sightings
UNION ALL
SELECT
    account_id,
    event_time,
    unnest(['one of several', 'another of several']) AS subject,
    'yes' AS says,
    'a sign-in was offered several devices' AS detail,
    event_id
FROM offers
UNION ALL
-- A device that is removed may have been one of the two.
SELECT
    removal.account_id,
    removal.event_time,
    unnest(['one of several', 'another of several']) AS subject,
    'unsure' AS says,
    removal.detail,
    removal.event_id
FROM root_device_sightings AS removal
WHERE
    removal.act = 'removed'
    AND EXISTS (
        SELECT 1
        FROM offers
        WHERE
            offers.account_id = removal.account_id
            AND offers.event_time <= removal.event_time
    )
