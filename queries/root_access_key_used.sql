-- /// rule
-- title = "Long-term access key of root used"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0001:T1078.004", "TA0006:T1552.001"]
-- description = """
-- A call, successful or not, was made with a long-term access key (AKIA…) of the root user. Such a key needs no
-- MFA and no policy limits it, so it should not exist. One alert for each account, key and day; what was called
-- is in root_api_call too.
-- """
-- response = """
-- 1. Find out who holds the key: address, user agent, creation (root_access_key_created).
-- 2. Deactivate it; if something breaks, that is the owner. Then delete it.
-- 3. If nobody owns it: treat the account as taken over, recover it, look at everything the key did.
-- """
-- false_positives = ["Old automation that still runs with a root key: a finding all the same."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html#ru-bp-access-keys"]
-- monotone = true
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([access_key_id, day_of(event_time)]) AS dedup_key,
    'root''s access key ' || access_key_id || ' of account ' || coalesce(account_id, 'unknown') || ' made '
    || CASE WHEN count(*) > 1 THEN count(*) || ' calls' ELSE 'a call' END || ' from '
    || coalesce(arg_max(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    access_key_id,
    list_sort(list(DISTINCT coalesce(service, event_source, 'unknown') || ':' || coalesce(event_name, 'unknown')))[:20] AS calls,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips,
    list_sort(list(DISTINCT user_agent))[:20] AS user_agents
FROM candidates
WHERE
    is_root
    AND starts_with(access_key_id, 'AKIA')
    AND root_origin <> 'service'
GROUP BY account_id, access_key_id, day_of(event_time)
