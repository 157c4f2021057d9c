-- /// check
-- title = "A trail logs all regions"
-- label = "all regions"
-- step = "monitor"
-- why = """
-- Who knows that a trail logs one region works in another. The answer to CreateTrail and UpdateTrail holds the whole trail.
-- """
-- known_as = ["CIS 3.1", "Security Hub CloudTrail.1", "Prowler cloudtrail_multi_region_enabled"]
-- over = "some"
-- words = {pass = "yes", fail = "no"}
-- unseen = "no trail seen to be made or changed"
-- silence = "no other change"
-- ask = "cloudtrail:DescribeTrails"
-- next = "make the trail one of all regions"
-- ///

SELECT
    account_id,
    event_time,
    trail_key AS subject,
    CASE
        WHEN event_name = 'DeleteTrail' THEN 'gone'
        WHEN field(responseElements, 'isMultiRegionTrail') IS NULL THEN 'unsure'
        WHEN lower(field(responseElements, 'isMultiRegionTrail')) = 'false' THEN 'no'
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
