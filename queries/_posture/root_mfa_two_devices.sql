-- /// check
-- title = "Root has a second MFA device"
-- label = "second device"
-- step = "6"
-- why = """
-- There are no recovery codes for root. Who loses the only device has to prove both the e-mail address and the telephone
-- number to AWS, or ask its support. A second device, of up to eight, avoids that. Logs can show two; that there is only
-- one they cannot.
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
