-- /// rule
-- title = "Where a trail keeps its logs was tampered with"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002", "TA0040:T1485"]
-- description = """
-- The bucket, KMS key or log group of a trail was deleted or disabled, lost its policy, its versions, MFA delete or what
-- keeps it from being public, was made to forget log files within 90 days, or had log files deleted from it. Evidence
-- is lost, or soon will be. A trail's stores are known from CreateTrail and UpdateTrail in any account, from the checks
-- that CloudTrail makes of its buckets, and from where the log files were read. Medium for a new policy of the bucket
-- that still names CloudTrail: only reading it shows what it lets whom do. Deleted log files: one alert for each bucket,
-- session and hour.
-- """
-- response = """
-- 1. Undo what can be undone at once: cancel the key's deletion or enable it, put the bucket's policy, public access
--    block, lifecycle and versioning back. A lifecycle rule acts within a day.
-- 2. Ask the caller, over another channel, for the change request.
-- 3. If nobody knows of it: disable the caller's credentials. Copy what is left of the logs to an account of its own.
-- 4. Restore deleted log files from earlier versions or replicas, and check what remains against the digest files.
-- """
-- false_positives = [
--     "Closing down a trail together with its bucket.",
--     "A lifecycle rule for another prefix of the same bucket.",
--     "Keeping logs for less than 90 days because they are copied elsewhere.",
--     "A policy of the bucket that lets another account write or read its logs.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html",
--     "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html",
--     "https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html",
-- ]
-- # Later data can only make more stores known.
-- monotone = true
-- ///

WITH stores AS MATERIALIZED (
    SELECT DISTINCT
        kind,
        -- A log group's ARN may end in ":*".
        regexp_replace(store, ':\*$', '') AS store
    FROM (
        SELECT
            unnest([
                {'kind': 'bucket', 'store': field(requestParameters, 's3BucketName')},
                {'kind': 'bucket', 'store': field(responseElements, 's3BucketName')},
                {
                    'kind': 'key',
                    'store': kms_key_arn(
                        field(requestParameters, 'kmsKeyId'), region, coalesce(recipient_account_id, account_id)
                    )
                },
                {'kind': 'key', 'store': field(responseElements, 'kmsKeyId')},
                {'kind': 'log group', 'store': field(requestParameters, 'cloudWatchLogsLogGroupArn')},
                {'kind': 'log group', 'store': field(responseElements, 'cloudWatchLogsLogGroupArn')}
            ], recursive := true)
        FROM trail_set_ups
        UNION ALL
        SELECT
            'bucket' AS kind,
            field(unquoted(requestParameters), 'bucketName') AS store
        FROM bucket_checks
        UNION ALL
        SELECT
            'bucket' AS kind,
            bucket AS store
        FROM log_file_buckets
    )
    WHERE store IS NOT NULL
),

acts AS (
    SELECT
        *,
        CASE service
            WHEN 's3' THEN field(requestParameters, 'bucketName')
            WHEN 'kms' THEN
                kms_key_arn(
                    coalesce(field(responseElements, 'keyId'), field(requestParameters, 'keyId')),
                    region,
                    coalesce(recipient_account_id, account_id)
                )
            WHEN 'logs' THEN
                'arn:' || partition_of(region) || ':logs:' || region || ':' || coalesce(recipient_account_id, account_id)
                || ':log-group:' || field(requestParameters, 'logGroupName')
        END AS store,
        CASE service WHEN 's3' THEN 'bucket' WHEN 'kms' THEN 'key' ELSE 'log group' END AS kind
    FROM candidates
    WHERE
        succeeded
        AND CASE service
            WHEN 's3' THEN
                event_name IN (
                    'DeleteBucket', 'DeleteBucketPolicy', 'PutBucketPolicy', 'DeleteBucketPublicAccessBlock',
                    'DeletePublicAccessBlock'
                )
                OR (
                    event_name IN ('PutBucketPublicAccessBlock', 'PutPublicAccessBlock')
                    -- What is not given is off.
                    AND len(list_filter(
                        ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'],
                        lambda setting: lower(
                            field(requestParameters, '$.PublicAccessBlockConfiguration.' || setting)
                        ) IS DISTINCT FROM 'true'
                    )) > 0
                )
                OR (
                    event_name IN ('PutBucketLifecycle', 'PutBucketLifecycleConfiguration')
                    AND len(list_filter(
                        json_items(requestParameters, '$.LifecycleConfiguration.Rule'),
                        lambda rule: lower(field(rule, 'Status')) = 'enabled'
                        AND (
                            TRY_CAST(field(rule, '$.Expiration.Days') AS DOUBLE) < 90
                            OR TRY_CAST(field(rule, '$.Expiration.Date') AS TIMESTAMP) < event_time + INTERVAL 90 DAY
                        )
                    )) > 0
                )
                OR (
                    event_name = 'PutBucketVersioning'
                    AND (
                        lower(field(requestParameters, '$.VersioningConfiguration.Status')) = 'suspended'
                        OR lower(field(requestParameters, '$.VersioningConfiguration.MfaDelete')) = 'disabled'
                    )
                )
            WHEN 'kms' THEN event_name IN ('ScheduleKeyDeletion', 'DisableKey')
            WHEN 'logs' THEN event_name = 'DeleteLogGroup'
        END
),

deletions AS (
    SELECT
        *,
        field(requestParameters, 'bucketName') AS store
    FROM candidates
    WHERE
        service = 's3'
        AND succeeded
        AND deletes_log_files(event_name, requestParameters)
        AND field(requestParameters, 'bucketName') IN (SELECT store FROM stores WHERE kind = 'bucket')
)

SELECT
    account_id,
    event_time,
    event_time AS last_event_time,
    1 AS event_count,
    [event_id] AS event_ids,
    event_id AS dedup_key,
    CASE WHEN is_root THEN 'root' ELSE coalesce(actor_arn, 'an unknown caller') END || ' of account '
    || coalesce(account_id, 'unknown') || ' called ' || event_name || ' on a trail''s ' || kind || ' ' || store || ' from '
    || coalesce(source_ip, 'an unknown address') AS summary,
    CASE
        WHEN event_name = 'PutBucketPolicy' AND contains(requestParameters, 'cloudtrail.amazonaws.') THEN 'medium'
        ELSE 'high'
    END AS severity,
    kind,
    store,
    event_name
FROM acts
WHERE (kind, store) IN (SELECT (stores.kind, stores.store) FROM stores)
UNION ALL
SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([store, session_key, hour_of(event_time)]) AS dedup_key,
    CASE WHEN bool_or(is_root) THEN 'root' ELSE coalesce(min(actor_arn), 'an unknown caller') END || ' of account '
    || coalesce(account_id, 'unknown') || ' deleted log files from a trail''s bucket ' || store || ' from '
    || coalesce(arg_max(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    'high' AS severity,
    'bucket' AS kind,
    store,
    'DeleteObject' AS event_name
FROM deletions
GROUP BY account_id, store, session_key, hour_of(event_time)
