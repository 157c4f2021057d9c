-- /// check
-- title = "A trail's bucket keeps log files for a year"
-- label = "logs kept"
-- step = "monitor"
-- why = """
-- What was done is often found out months later. A lifecycle rule that deletes log files earlier deletes the answer. A rule
-- for another prefix does not count; logs alone may not know whose prefix it is.
-- """
-- known_as = []
-- over = "some"
-- words = {pass = "yes", fail = "no"}
-- unseen = "nothing seen of the lifecycle of a trail's bucket"
-- silence = "no other change"
-- ask = "s3:GetLifecycleConfiguration"
-- next = "let the lifecycle of the bucket keep log files for a year or more"
-- ///

WITH rules AS (
    SELECT
        *,
        list_filter(
            json_items(parameters, '$.LifecycleConfiguration.Rule'),
            lambda rule: lower(field(rule, 'Status')) = 'enabled'
            AND (
                TRY_CAST(field(rule, '$.Expiration.Days') AS DOUBLE) < 365
                OR TRY_CAST(field(rule, '$.Expiration.Date') AS TIMESTAMP) < event_time + INTERVAL 365 DAY
            )
        ) AS short
    FROM trail_bucket_events
)

SELECT
    account_id,
    event_time,
    bucket AS subject,
    CASE
        WHEN event_name = 'DeleteBucket' THEN 'gone'
        WHEN len(short) = 0 THEN 'yes'
        WHEN len(list_filter(
            short,
            lambda rule: coalesce(field(rule, '$.Filter.Prefix'), field(rule, 'Prefix'), 'AWSLogs') LIKE '%AWSLogs%'
        )) > 0 THEN 'no'
        ELSE 'unsure'
    END AS says,
    detail,
    event_id
FROM rules
WHERE
    (
        error_code IS NULL
        AND event_name IN (
            'PutBucketLifecycle', 'PutBucketLifecycleConfiguration', 'DeleteBucketLifecycle', 'DeleteBucket'
        )
    )
    OR (
        event_name IN ('GetBucketLifecycle', 'GetBucketLifecycleConfiguration')
        AND error_code = 'NoSuchLifecycleConfiguration'
    )
