-- /// rule
-- title = "Temporary credentials made from root"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0005:T1550.001", "TA0003:T1098.001"]
-- description = """
-- Root called GetSessionToken or GetFederationToken, or such a session is in use: its calls say type FederatedUser,
-- issued by root, and no rule about root sees them. The credentials outlive the console session and cannot be
-- revoked one by one. One alert for each call that made a session, and for each session (access key) and UTC day on
-- which it made calls, whatever came of them.
-- """
-- response = """
-- 1. Ask the account owner at once; root has no use for such sessions.
-- 2. Delete root's access keys and change its password. Sessions already made stay valid until they expire (up to 36 hours).
-- 3. Follow the session: all events of the access key in the context.
-- """
-- false_positives = ["A script of the owner that asks for an MFA session with root's keys: a finding all the same."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html",
-- ]
-- # A late AssumeRoot record can show that a session was not direct use of root.
-- monotone = false
-- reports_alone = "root_session_creations"
-- ///

SELECT
    account_id,
    event_time,
    event_time AS last_event_time,
    1 AS event_count,
    [event_id] AS event_ids,
    event_id AS dedup_key,
    'root of account ' || coalesce(account_id, 'unknown') || ' called ' || event_name || ' from '
    || coalesce(source_ip, 'an unknown address') AS summary,
    coalesce(field(responseElements, '$.credentials.accessKeyId'), 'unknown') AS session_access_key_id,
    field(requestParameters, 'name') AS federated_user,
    [event_name] AS calls,
    [source_ip] AS source_ips
FROM root_session_creations
UNION ALL BY NAME
SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([session_key, day_of(event_time)]) AS dedup_key,
    'a federated session issued by root of account ' || coalesce(account_id, 'unknown') || ' made '
    || CASE WHEN count(*) > 1 THEN count(*) || ' calls' ELSE 'a call' END || ' from '
    || coalesce(arg_max(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    any_value(access_key_id) AS session_access_key_id,
    min(nullif(regexp_extract(actor_arn, ':federated-user/(.+)$', 1), '')) AS federated_user,
    list_sort(list(DISTINCT coalesce(service, event_source, 'unknown') || ':' || coalesce(event_name, 'unknown')))[:20] AS calls,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM candidates
WHERE
    lower(actor_type) = 'federateduser'
    AND lower(session_issuer_type) = 'root'
GROUP BY account_id, session_key, day_of(event_time)
