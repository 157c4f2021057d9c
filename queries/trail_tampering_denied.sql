-- /// rule
-- title = "Tampering with a trail denied"
-- severity = "medium"
-- confidence = "medium"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002"]
-- description = """
-- Somebody tried to stop, delete or change a trail or an event data store and lacked the permission. Logging goes on,
-- but few have a reason to try. High when root was refused: a service control policy, or the management account that
-- owns an organisation's trail, is what held. One alert for each account, caller, call and UTC hour.
-- """
-- response = """
-- 1. Ask the caller, over another channel, what they were trying to do.
-- 2. List the other calls of the same credentials in that hour; look for more denied ones.
-- 3. If the caller knows nothing of it: disable the credentials. For root: see root_console_login and root_api_call.
-- """
-- false_positives = [
--     "Infrastructure code deployed with too few rights.",
--     "An administrator of a member account trying to change the organisation's trail.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html",
--     "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html",
-- ]
-- monotone = true
-- reports_alone = "trail_tampering_denials"
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([caller, event_name, hour_of(event_time)]) AS dedup_key,
    CASE WHEN bool_or(is_root) THEN 'root' ELSE coalesce(min(actor_arn), 'an unknown caller') END
    || ' was not allowed to call ' || event_name || CASE WHEN count(*) > 1 THEN ' ' || count(*) || ' times' ELSE '' END
    || ' on ' || CASE count(DISTINCT trail_key)
        WHEN 0 THEN 'an unknown trail'
        WHEN 1 THEN min(trail_key)
        ELSE count(DISTINCT trail_key) || ' trails'
    END
    || ' in account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(arg_max(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    CASE WHEN bool_or(is_root) THEN 'high' ELSE 'medium' END AS severity,
    list_sort(list(DISTINCT trail_key))[:20] AS trails,
    event_name,
    list_sort(list(DISTINCT error_code))[:20] AS error_codes,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM trail_tampering_denials
GROUP BY account_id, caller, event_name, hour_of(event_time)
