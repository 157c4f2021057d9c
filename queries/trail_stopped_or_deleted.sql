-- /// rule
-- title = "Trail stopped or deleted"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002"]
-- description = """
-- A trail or a CloudTrail Lake event data store was stopped or deleted. What happens from then on may be recorded
-- nowhere. Critical when root did it, or when root had signed in to the account in the 60 minutes before.
-- """
-- response = """
-- 1. Start logging again (StartLogging, StartEventDataStoreIngestion), or create the trail anew into the same bucket.
-- 2. Ask the caller, over another channel, why. Infrastructure code that replaces a trail leaves a change request.
-- 3. If nobody knows of it: disable the caller's credentials, and treat the time without a trail as unobserved.
-- 4. Look for what is recorded elsewhere: an organisation trail, event history (90 days), S3 access logs, VPC flow logs.
-- """
-- false_positives = ["Replacing a trail by an organisation trail.", "Infrastructure code that recreates a trail."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteTrail.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-turning-off-logging.html",
-- ]
-- # Later data can change the severity, never take the finding back.
-- monotone = true
-- reports_alone = "trail_stops"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    CASE WHEN is_root THEN 'root' ELSE coalesce(actor_arn, 'an unknown caller') END
    || CASE WHEN starts_with(event_name, 'Stop') THEN ' stopped ' ELSE ' deleted ' END
    || coalesce(trail_key, 'an unknown trail') || ' in account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address')
    || CASE WHEN follows_login THEN ', within an hour after a login of root' ELSE '' END AS summary,
    CASE WHEN is_root OR follows_login THEN 'critical' ELSE 'high' END AS severity,
    trail_key AS trail,
    event_name,
    follows_login AS follows_root_login
FROM (
    SELECT
        *,
        EXISTS (
            FROM root_logins AS login
            WHERE
                login.account_id IS NOT DISTINCT FROM stop.account_id
                AND stop.event_time BETWEEN login.event_time AND login.event_time + INTERVAL 60 MINUTE
        ) AS follows_login
    FROM trail_stops AS stop
)
