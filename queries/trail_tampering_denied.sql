-- /// rule
-- title = "Tampering with a trail denied"
-- severity = "medium"
-- confidence = "medium"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002"]
-- description = """
-- Somebody tried to stop, delete or change a trail or an event data store and lacked the permission. Logging goes on,
-- but few have a reason to try. High when root was refused: a service control policy, or the management account that
-- owns an organisation's trail, is what held.
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
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    CASE WHEN is_root THEN 'root' ELSE coalesce(actor_arn, 'an unknown caller') END
    || ' was not allowed to call ' || event_name || ' on ' || coalesce(trail_key, 'an unknown trail')
    || ' in account ' || coalesce(account_id, 'unknown') || ' from ' || coalesce(source_ip, 'an unknown address') AS summary,
    CASE WHEN is_root THEN 'high' ELSE 'medium' END AS severity,
    trail_key AS trail,
    event_name,
    error_code
FROM trail_tampering_denials
