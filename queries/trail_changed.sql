-- /// rule
-- title = "Trail changed"
-- severity = "info"
-- confidence = "high"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002"]
-- description = """
-- A trail or event data store was created, started or changed, in a way that trail_weakened and
-- trail_event_selectors_narrowed do not report: it records no less than before, as far as is known. Low when root did it.
-- One alert for each account, caller, call and UTC hour: the changes of CloudTrail's configuration that the CIS
-- benchmark wants to be seen.
-- """
-- response = """
-- 1. Nothing by itself. Compare with the change request, where changes to trails need one.
-- 2. For a bucket or key that is not yours: the log is being sent to somebody else. Keep their account number.
-- """
-- false_positives = ["Infrastructure code that sets up or updates trails."]
-- references = [
--     "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html#cloudwatch-5",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html",
-- ]
-- # A late record can show that the trail was weakened.
-- monotone = false
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([caller, event_name, hour_of(event_time)]) AS dedup_key,
    CASE WHEN bool_or(is_root) THEN 'root' ELSE coalesce(min(actor_arn), 'an unknown caller') END || ' called ' || event_name
    || CASE WHEN count(*) > 1 THEN ' ' || count(*) || ' times' ELSE '' END
    || ' on ' || CASE count(DISTINCT trail_key)
        WHEN 0 THEN 'an unknown trail'
        WHEN 1 THEN min(trail_key)
        ELSE count(DISTINCT trail_key) || ' trails'
    END
    || ' in account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(arg_min(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    CASE WHEN bool_or(is_root) THEN 'low' ELSE 'info' END AS severity,
    event_name,
    list_sort(list(DISTINCT trail_key))[:20] AS trails,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM trail_changes
ANTI JOIN trail_weakenings USING (logFile, logFileIndex)
ANTI JOIN event_selector_narrowings USING (logFile, logFileIndex)
GROUP BY account_id, caller, event_name, hour_of(event_time)
