-- /// check
-- title = "A trail has digests"
-- label = "log validation"
-- step = "monitor"
-- why = """
-- Without digests nobody can prove that log files were neither changed nor removed.
-- """
-- known_as = ["CIS 3.2", "Security Hub CloudTrail.4", "Prowler cloudtrail_log_file_validation_enabled"]
-- over = "some"
-- words = {pass = "yes", fail = "no"}
-- unseen = "no trail seen to be made or changed"
-- silence = "no other change"
-- ask = "cloudtrail:DescribeTrails"
-- next = "switch on log file validation"
-- ///

SELECT
    account_id,
    event_time,
    trail_key AS subject,
    CASE
        WHEN event_name = 'DeleteTrail' THEN 'gone'
        WHEN field(responseElements, 'logFileValidationEnabled') IS NULL THEN 'unsure'
        WHEN lower(field(responseElements, 'logFileValidationEnabled')) = 'false' THEN 'no'
        ELSE 'yes'
    END AS says,
    regexp_extract(trail_key, '[^/]*$') || ' of ' || event_name || ' by ' || coalesce(actor_arn, 'an unknown caller')
        AS detail,
    event_id
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN ('CreateTrail', 'UpdateTrail', 'DeleteTrail')
    AND succeeded
