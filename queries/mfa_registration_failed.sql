-- /// rule
-- title = "MFA registration failed"
-- severity = "low"
-- confidence = "medium"
-- attack = ["TA0003:T1556.006", "TA0003:T1098.005"]
-- description = """
-- An MFA device could not be created or registered, by a session that had not used MFA. Whoever stole a password or a key
-- tries this, to have a factor of their own; so does a user at their first sign-in. Medium for a device of root. One
-- alert for each account, caller and UTC hour.
-- """
-- response = """
-- 1. Ask the caller, over another channel, whether they were setting up a device.
-- 2. If not: disable the credentials, and look for a registration that succeeded since.
-- 3. If so: help them, so that the account does not stay without MFA.
-- """
-- false_positives = [
--     "A mistyped code while setting up a device.",
--     "A policy that does not let users manage their own devices.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_my-sec-creds-self-manage-mfa-only.html",
-- ]
-- monotone = true
-- reports_alone = "mfa_registration_failures"
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([caller, hour_of(event_time)]) AS dedup_key,
    CASE WHEN bool_or(is_root) THEN 'root' ELSE coalesce(min(actor_arn), 'an unknown caller') END
    || CASE WHEN bool_and(is_permission_error) THEN ' was not allowed to register' ELSE ' failed to register' END
    || ' an MFA device' || CASE WHEN count(*) > 1 THEN ', in ' || count(*) || ' calls,' ELSE '' END
    || ' in account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(arg_min(source_ip, (event_time, event_id)), 'an unknown address') || ', without MFA' AS summary,
    CASE WHEN bool_or(is_of_root) THEN 'medium' ELSE 'low' END AS severity,
    list_sort(list(DISTINCT event_name))[:20] AS event_names,
    list_sort(list(DISTINCT mfa_target))[:20] AS target_users,
    list_sort(list(DISTINCT coalesce(error_code, error_message)))[:20] AS errors,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM mfa_registration_failures
GROUP BY account_id, caller, hour_of(event_time)
