-- /// check
-- title = "A trail logs"
-- label = "trail logs"
-- step = "monitor"
-- why = """
-- Nothing of all this is seen where no trail logs. A trail that was stopped, and another that logs, may be an intruder's
-- work: which of them is the account's own, only people know.
-- """
-- known_as = ["CIS 3.1", "Security Hub CloudTrail.1", "Prowler cloudtrail_multi_region_enabled"]
-- over = "agreed"
-- words = {pass = "yes", fail = "stopped"}
-- unseen = "no trail seen to be started or stopped"
-- silence = "no stop"
-- ask = "cloudtrail:GetTrailStatus"
-- next = "start the trail again, and find out who stopped it"
-- ///

SELECT
    account_id,
    event_time,
    trail_key AS subject,
    CASE event_name WHEN 'StartLogging' THEN 'yes' ELSE 'no' END AS says,
    regexp_extract(trail_key, '[^/]*$') || CASE event_name
        WHEN 'StartLogging' THEN ' started'
        WHEN 'StopLogging' THEN ' stopped'
        ELSE ' deleted'
    END || ' by ' || coalesce(actor_arn, 'an unknown caller') AS detail,
    event_id
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN ('StartLogging', 'StopLogging', 'DeleteTrail')
    AND succeeded
