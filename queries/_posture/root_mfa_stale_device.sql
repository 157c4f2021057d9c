-- /// check
-- title = "Root's MFA devices were seen within 400 days"
-- label = "MFA devices seen"
-- step = "7"
-- why = """
-- A device that nobody has seen for more than a year may be lost, or in the hands of somebody who has left.
-- """
-- known_as = []
-- over = "every"
-- days = 400
-- fades_to = "no"
-- words = {pass = "lately", fail = "long ago"}
-- unseen = "no device of root's seen"
-- silence = "no removal"
-- next = "find the device; remove it if nobody has it"
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
