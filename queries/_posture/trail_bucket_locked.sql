-- /// check
-- title = "A trail's bucket keeps what was written"
-- label = "bucket locked"
-- step = "monitor"
-- why = """
-- Whoever may write to the bucket may delete log files, unless Object Lock keeps each for a time, or deleting a version
-- takes root's MFA device. Either is enough; only root can switch on the latter. A suspended versioning leaves neither.
-- """
-- known_as = ["CIS 2.1.2", "Prowler cloudtrail_bucket_requires_mfa_delete"]
-- over = "some"
-- words = {pass = "yes", fail = "no"}
-- unseen = "nothing seen of Object Lock or MFA delete of a trail's bucket"
-- silence = "no other change"
-- ask = "s3:GetBucketObjectLockConfiguration"
-- next = "give the bucket Object Lock with a default retention"
-- ///

WITH told AS (
    SELECT
        *,
        CASE
            WHEN event_name = 'DeleteBucket' THEN ['Object Lock', 'MFA delete']
            WHEN event_name <> 'PutBucketVersioning' THEN ['Object Lock']
            WHEN lower(field(parameters, '$.VersioningConfiguration.Status')) = 'suspended' THEN ['Object Lock', 'MFA delete']
            WHEN field(parameters, '$.VersioningConfiguration.MfaDelete') IS NOT NULL THEN ['MFA delete']
        END AS means
    FROM trail_bucket_events
    WHERE
        (
            error_code IS NULL
            AND event_name IN ('PutBucketObjectLockConfiguration', 'PutBucketVersioning', 'DeleteBucket')
        )
        OR (
            event_name = 'GetBucketObjectLockConfiguration'
            AND error_code = 'ObjectLockConfigurationNotFoundError'
        )
)

SELECT
    account_id,
    event_time,
    bucket || ' ' || unnest(means) AS subject,
    CASE
        WHEN event_name = 'DeleteBucket' THEN 'gone'
        WHEN field(parameters, '$.ObjectLockConfiguration.Rule.DefaultRetention') IS NOT NULL THEN 'yes'
        WHEN lower(field(parameters, '$.VersioningConfiguration.Status')) = 'suspended' THEN 'no'
        WHEN lower(field(parameters, '$.VersioningConfiguration.MfaDelete')) = 'enabled' THEN 'yes'
        -- The other one may be on.
        ELSE 'unsure'
    END AS says,
    detail,
    event_id
FROM told
