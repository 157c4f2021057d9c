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
    subject,
    CASE
        WHEN is_gone THEN 'gone'
        WHEN field(trail, 'isMultiRegionTrail') IS NULL THEN 'unsure'
        WHEN lower(field(trail, 'isMultiRegionTrail')) = 'false' THEN 'no'
        ELSE 'yes'
    END AS says,
    detail,
    event_id
FROM trail_settings
