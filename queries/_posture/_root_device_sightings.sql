-- When a device of root's was seen, or taken away; a removal that names none may be that of any.
SELECT
    account_id,
    event_time,
    coalesce(serial, '') AS subject,
    act,
    serial IS NULL AS is_unnamed,
    coalesce(name, 'a device that is not named') || ' ' || act AS detail,
    event_id
FROM root_device_events
WHERE
    serial IS NOT NULL
    OR act = 'removed'
UNION ALL
SELECT
    account_id,
    event_time,
    coalesce(serial, '') AS subject,
    'removed' AS act,
    serial IS NULL AS is_unnamed,
    detail,
    event_id
FROM root_device_doubts
