-- What was done to buckets that trails write to, and reads of them that failed: an error tells what is not configured, whoever
-- asked. A trail's buckets are known from CreateTrail and UpdateTrail, from CloudTrail's checks of them, and from where the
-- log files were read. In layers, as the views.
WITH buckets AS (
    SELECT unnest([field(requestParameters, 's3BucketName'), field(responseElements, 's3BucketName')]) AS bucket
    FROM trail_set_ups
    UNION
    SELECT field(unquoted(requestParameters), 'bucketName') AS bucket
    FROM bucket_checks
    UNION
    SELECT bucket
    FROM log_file_buckets
),

calls AS (
    SELECT
        coalesce(nullif(userIdentity.accountId, ''), recipientAccountId) AS account_id,
        eventTime AS event_time,
        eventKey AS event_id,
        eventName AS event_name,
        nullif(errorCode, '') AS error_code,
        unquoted(requestParameters) AS parameters,
        coalesce(nullif(userIdentity.arn, ''), 'an unknown caller') AS actor
    FROM events
    WHERE
        starts_with(eventSource, 's3.amazonaws.')
        AND eventName IN (
            'DeleteBucket', 'PutBucketPublicAccessBlock', 'DeleteBucketPublicAccessBlock', 'GetBucketPublicAccessBlock',
            'PutBucketPolicy', 'DeleteBucketPolicy', 'GetBucketPolicy', 'PutBucketVersioning',
            'PutBucketObjectLockConfiguration', 'GetBucketObjectLockConfiguration', 'PutBucketLifecycle',
            'PutBucketLifecycleConfiguration', 'DeleteBucketLifecycle', 'GetBucketLifecycle',
            'GetBucketLifecycleConfiguration'
        )
)

SELECT
    account_id,
    event_time,
    event_id,
    event_name,
    error_code,
    parameters,
    field(parameters, 'bucketName') AS bucket,
    field(parameters, 'bucketName') || ' by ' || event_name || coalesce(' (' || error_code || ')', '') || ' of ' || actor
        AS detail
FROM calls
WHERE field(parameters, 'bucketName') IN (FROM buckets)
