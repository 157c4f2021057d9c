-- /// check
-- title = "The buckets of trails block public access"
-- label = "bucket private"
-- step = "monitor"
-- why = """
-- Log files tell an intruder who works here, from where, and what is watched. A bucket that blocks public access stays
-- private whatever is written into a policy. Each bucket's own block counts; that of its account is not asked about, for
-- the bucket is often another account's.
-- """
-- known_as = ["CIS 2.1.4", "Security Hub S3.8", "Prowler cloudtrail_logs_s3_bucket_is_not_publicly_accessible"]
-- over = "every"
-- words = {pass = "yes", fail = "no"}
-- unseen = "nothing seen of what a trail's bucket lets the public do"
-- silence = "no other change"
-- ask = "s3:GetBucketPublicAccessBlock"
-- next = "switch on all four settings of Block Public Access for the bucket"
-- ///

SELECT
    account_id,
    event_time,
    bucket AS subject,
    CASE
        WHEN event_name = 'DeleteBucket' THEN 'gone'
        -- What is not given is off.
        WHEN event_name = 'PutBucketPublicAccessBlock' AND len(list_filter(
            ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'],
            lambda setting: lower(field(parameters, '$.PublicAccessBlockConfiguration.' || setting)) = 'true'
        )) = 4 THEN 'yes'
        ELSE 'no'
    END AS says,
    detail,
    event_id
FROM trail_bucket_events
WHERE
    (
        error_code IS NULL
        AND event_name IN ('PutBucketPublicAccessBlock', 'DeleteBucketPublicAccessBlock', 'DeleteBucket')
    )
    OR (
        event_name = 'GetBucketPublicAccessBlock'
        AND error_code = 'NoSuchPublicAccessBlockConfiguration'
    )
