-- /// rule
-- title = "Root was denied a call"
-- severity = "medium"
-- confidence = "high"
-- attack = ["TA0004:T1078.004", "TA0007:T1580"]
-- description = """
-- A call of the root user was refused for lack of permission. Hardly anything but a service control policy or a
-- resource's own policy can refuse root, so somebody tried what the organisation forbids. Writes: one alert for each
-- account, session, service, call and UTC hour; reads: one for each account, session and UTC hour. Attempts on MFA
-- devices, on trails and to leave the organisation have rules of their own.
-- """
-- response = """
-- 1. Ask the account owner what they were trying to do.
-- 2. If nobody knows of it: recover the account, and look at what the session was allowed to do.
-- 3. If it was routine work: give that work to a role.
-- """
-- false_positives = ["A console page that reads what a policy denies to root.", "An organisation that denies everything to root."]
-- references = [
--     "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-tasks.html",
-- ]
-- # A late AssumeRoot record can show that a session was not direct use of root.
-- monotone = false
-- ///

WITH denied AS (
    SELECT
        *,
        CASE WHEN is_write THEN [event_source, event_name] ELSE [] END AS denied_call
    FROM direct_root_calls ANTI JOIN reported_alone USING (logFile, logFileIndex)
    WHERE is_permission_error
)

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([session_key] || denied_call || [hour_of(event_time)]) AS dedup_key,
    'root was denied ' || CASE
        WHEN is_write THEN
            coalesce(any_value(service), any_value(event_source), 'an unknown service') || ' '
            || coalesce(any_value(event_name), 'an unknown call')
            || CASE WHEN count(*) > 1 THEN ' ' || count(*) || ' times' ELSE '' END
        WHEN count(*) > 1 THEN count(*) || ' reads'
        ELSE 'the read ' || coalesce(any_value(event_name), 'of unknown name')
    END
    || ' in account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(arg_max(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    list_sort(list(DISTINCT coalesce(service, event_source, 'unknown') || ':' || coalesce(event_name, 'unknown')))[:20] AS calls,
    list_sort(list(DISTINCT error_code))[:20] AS error_codes,
    list_sort(list(DISTINCT region))[:20] AS regions,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips,
    list_sort(list(DISTINCT root_origin))[:20] AS root_origins
FROM denied
GROUP BY account_id, session_key, is_write, denied_call, hour_of(event_time)
