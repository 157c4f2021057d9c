-- /// rule
-- title = "Root logins of several accounts failed from one address"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0006:T1110.003"]
-- description = """
-- From one address, root logins of three or more accounts failed within an hour. An owner does not mistype the root
-- passwords of three accounts in a row; somebody with a list of e-mail addresses does. One alert for each account,
-- address and UTC date.
-- """
-- response = """
-- 1. Find out whose address it is, and ask them.
-- 2. In every account of the context look for a root login that succeeded since, from any address.
-- 3. Make sure that root of each of these accounts has MFA, or has no password (centralised root access).
-- """
-- false_positives = ["An administrator behind a shared address who works through many accounts with an old password list."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html#id_root-user-access-management",
-- ]
-- # A late AssumeRoot record can show that a session was no login by root.
-- monotone = false
-- ///

WITH failures AS MATERIALIZED (
    SELECT
        account_id,
        event_id,
        event_time,
        source_ip,
        user_agent,
        accounts_within_hour
    FROM root_login_sprays
),

targets AS (
    SELECT
        source_ip,
        day_of(event_time) AS spray_date,
        list_sort(list(DISTINCT account_id)) AS accounts_that_day
    FROM failures
    GROUP BY ALL
)

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([source_ip, spray_date]) AS dedup_key,
    'from ' || source_ip || ' root logins of ' || max(accounts_within_hour) || ' accounts failed within an hour, '
    || count(*) || ' of them of account ' || coalesce(account_id, 'unknown') AS summary,
    any_value(accounts_that_day)[:20] AS accounts_that_day,
    list_sort(list(DISTINCT user_agent))[:20] AS user_agents
FROM failures JOIN targets USING (source_ip)
WHERE spray_date = day_of(event_time)
GROUP BY account_id, source_ip, spray_date
