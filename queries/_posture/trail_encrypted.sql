-- /// check
-- title = "A trail encrypts with a key of the owner"
-- label = "trail encryption"
-- step = "monitor"
-- why = """
-- With a key of its own, who may read the bucket cannot yet read the logs.
-- """
-- known_as = ["CIS 3.5", "Security Hub CloudTrail.2", "Prowler cloudtrail_kms_encryption_enabled"]
-- over = "some"
-- words = {pass = "yes", fail = "no"}
-- unseen = "no trail seen to be made or changed"
-- silence = "no other change"
-- ask = "cloudtrail:DescribeTrails"
-- next = "give the trail a KMS key"
-- ///

SELECT
    account_id,
    event_time,
    trail_key AS subject,
    CASE
        WHEN event_name = 'DeleteTrail' THEN 'gone'
        WHEN responseElements IS NULL THEN 'unsure'
        WHEN field(responseElements, 'kmsKeyId') IS NULL THEN 'no'
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
