-- /// check
-- title = "No other account may delete from a trail's bucket"
-- label = "foreign deletes"
-- step = "monitor"
-- why = """
-- A policy of the bucket can let another account delete log files, or shorten how long they are kept. Logs show that there
-- is no policy; what a new one says AWS tells.
-- """
-- known_as = []
-- over = "some"
-- words = {pass = "none", fail = "allowed"}
-- unseen = "nothing seen of the policy of a trail's bucket"
-- silence = "no other change"
-- ask = "s3:GetBucketPolicy"
-- next = "take what deletes out of the policy of the bucket"
-- ///

SELECT
    account_id,
    event_time,
    bucket AS subject,
    CASE
        WHEN event_name = 'DeleteBucket' THEN 'gone'
        WHEN event_name = 'PutBucketPolicy' THEN 'unsure'
        ELSE 'yes'
    END AS says,
    detail,
    event_id
FROM trail_bucket_events
WHERE
    (
        error_code IS NULL
        AND event_name IN ('PutBucketPolicy', 'DeleteBucketPolicy', 'DeleteBucket')
    )
    OR (
        event_name = 'GetBucketPolicy'
        AND error_code = 'NoSuchBucketPolicy'
    )
