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
    subject,
    CASE
        WHEN is_gone THEN 'gone'
        WHEN trail IS NULL THEN 'unsure'
        WHEN field(trail, 'kmsKeyId') IS NULL THEN 'no'
        ELSE 'yes'
    END AS says,
    detail,
    event_id
FROM trail_settings
