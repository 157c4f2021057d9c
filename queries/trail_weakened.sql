-- /// rule
-- title = "Trail weakened"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002"]
-- description = """
-- A trail or event data store was set to record less, to no longer prove that its log files are whole, or to write
-- elsewhere: multi-region, global service events, log file validation or the organisation switched off, or its bucket,
-- KMS key or log group changed or removed. Calls that repeat the values that the trail had are not counted; where
-- nothing is known of the trail, its switches are taken to have been on.
-- """
-- response = """
-- 1. Compare the trail (GetTrail) with how it should be; the alert says which settings changed.
-- 2. Ask the caller, over another channel, for the change request.
-- 3. If nobody knows of it: set the trail back, disable the caller's credentials, and look for what the trail missed.
-- 4. For a bucket or key that is not yours: the log is being sent to somebody else. Keep their account number.
-- """
-- false_positives = [
--     "Moving a trail to another bucket or key.",
--     "The first change recorded of a trail that never had the setting on.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateEventDataStore.html",
-- ]
-- # A late record can show that the setting was off before.
-- monotone = false
-- ///

SELECT
    account_id,
    any_value(trail_weakenings.event_time) AS event_time,
    [event_id] AS event_ids,
    coalesce(any_value(trail_key), 'an unknown trail') || ' was weakened by '
    || CASE WHEN any_value(is_root) THEN 'root' ELSE coalesce(any_value(actor_arn), 'an unknown caller') END
    || ' of account ' || coalesce(account_id, 'unknown') || ' from ' || coalesce(any_value(source_ip), 'an unknown address')
    || ': ' || string_agg(
        setting || CASE WHEN is_switch THEN ' off' WHEN value = '' THEN ' removed' ELSE ' changed' END, ', ' ORDER BY setting
    ) AS summary,
    any_value(trail_key) AS trail,
    list(
        {'setting': setting, 'before': previous, 'after': value} ORDER BY setting
    ) AS changes
FROM trail_weakenings
GROUP BY account_id, event_id
