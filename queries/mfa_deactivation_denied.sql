-- /// rule
-- title = "MFA deactivation denied"
-- severity = "medium"
-- confidence = "medium"
-- attack = ["TA0003:T1556.006", "TA0006:T1556.006"]
-- description = """
-- Somebody tried to deactivate an MFA device and lacked the permission. The device still works, but the intent is
-- the same as with a call that succeeds, and the next attempt may come with better credentials. High when root
-- made the call or when the device is root's. One alert for each account, caller and UTC hour.
-- """
-- response = """
-- 1. Ask the caller, over another channel, what they were trying to do.
-- 2. List what the same credentials did in the hour before and after: other denied calls show somebody feeling the way.
-- 3. If the caller knows nothing of it: disable the credentials, then look at how they were lost.
-- """
-- false_positives = [
--     "A user whose policy does not let them manage their own device.",
--     "Help desk staff using the wrong role.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_my-sec-creds-self-manage-mfa-only.html",
-- ]
-- monotone = true
-- reports_alone = "mfa_deactivation_denials"
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([caller, hour_of(event_time)]) AS dedup_key,
    coalesce(min(actor_arn), 'an unknown caller') || ' was not allowed to deactivate the MFA device of '
    || CASE
        WHEN bool_or(mfa_target_kind = 'root') THEN 'root'
        WHEN count(DISTINCT mfa_target) = 1 AND bool_and(mfa_target_kind = 'user') THEN 'user ' || min(mfa_target)
        WHEN count(DISTINCT mfa_target) > 1 THEN count(DISTINCT mfa_target) || ' users'
        ELSE 'an unknown user'
    END
    || CASE WHEN count(*) > 1 THEN ', ' || count(*) || ' times,' ELSE '' END
    || ' in account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(arg_max(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    CASE WHEN bool_or(is_root OR mfa_target_kind = 'root') THEN 'high' ELSE 'medium' END AS severity,
    list_sort(list(DISTINCT mfa_target))[:20] AS target_users,
    list_sort(list(DISTINCT mfa_serial))[:20] AS mfa_serials,
    list_sort(list(DISTINCT error_code))[:20] AS error_codes,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM mfa_deactivation_denials
GROUP BY account_id, caller, hour_of(event_time)
