-- /// rule
-- title = "Root signed in to the command line"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0001:T1078.004", "TA0005:T1550.001"]
-- description = """
-- The root user got credentials for the command line through the browser (`aws login`): a token of AWS Sign-In was
-- asked for or renewed, or a call carries the session of one. There is no ConsoleLogin for it. One alert for each
-- sign-in session, or, where the record does not name it, for each access key or address and UTC day. What was called
-- is in the other rules about root.
-- """
-- response = """
-- 1. Ask the account owner whether they ran `aws login` as root on this machine.
-- 2. If not: recover the account. Whoever did it was signed in to root's console, or got its owner to approve.
-- 3. List what the session called, and give such work to a role.
-- """
-- false_positives = ["The owner of a small account who uses the command line as root."]
-- references = [
--     "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sign-in.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html",
-- ]
-- # A late AssumeRoot record can show that a session was not direct use of root.
-- monotone = false
-- reports_alone = "root_cli_sign_ins"
-- ///

WITH used AS (
    FROM root_cli_sign_ins
    UNION ALL
    FROM direct_root_calls
    WHERE
        userIdentity.sessionContext.signInSessionArn <> ''
        AND succeeded
),

placed AS (
    SELECT
        *,
        nullif(userIdentity.sessionContext.signInSessionArn, '') AS sign_in_session,
        coalesce(sign_in_session, group_key([session_key, day_of(event_time)])) AS login
    FROM used
)

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(DISTINCT event_id) AS event_count,
    list(event_id) AS event_ids,
    arg_min(event_id, (event_time, event_id)) AS subject_event_id,
    login AS dedup_key,
    'root of account ' || coalesce(account_id, 'unknown') || ' signed in to the command line from '
    || coalesce(arg_min(source_ip, (event_time, event_id)), 'an unknown address') AS summary,
    any_value(sign_in_session) AS sign_in_session,
    list_sort(list(DISTINCT coalesce(service, event_source, 'unknown') || ':' || coalesce(event_name, 'unknown')))[:20] AS calls,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips,
    list_sort(list(DISTINCT user_agent))[:20] AS user_agents
FROM placed
GROUP BY account_id, login
