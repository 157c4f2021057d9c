-- /// rule
-- title = "Root assumed in many accounts"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0004:T1548.005"]
-- description = """
-- One caller took root sessions of at least five accounts within an hour. That is a sweep through the organisation:
-- an audit, or somebody who found the permission. Low when all sessions were for auditing root's credentials only.
-- One alert for each caller and hour in which the fifth account, or a further one, was reached.
-- """
-- response = """
-- 1. Ask the team that runs centralized root access whether the sweep is theirs.
-- 2. Compare the tasks in the context with its purpose: deleting credentials or unlocking policies is no audit.
-- 3. If unexpected: revoke the caller's sessions, deny sts:AssumeRoot by policy.
-- 4. Go through assume_root_privileged_action in each of the accounts.
-- """
-- false_positives = ["Deleting root's credentials in all member accounts, when centralized root access is introduced."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html"]
-- # Only AssumeRoot records count, and more of them cannot make the targets of an hour fewer.
-- monotone = true
-- ///

WITH counted AS (
    SELECT
        *,
        count(DISTINCT assumed_account) OVER (
            PARTITION BY account_id, caller
            ORDER BY event_time
            RANGE BETWEEN INTERVAL 60 MINUTE PRECEDING AND CURRENT ROW
        ) AS accounts_so_far
    FROM assume_root_calls
),

sweeps AS (
    SELECT
        account_id,
        caller,
        hour_of(event_time) AS hour,
        min(event_time) AS first_reached,
        max(event_time) AS last_reached
    FROM counted
    WHERE accounts_so_far >= 5
    GROUP BY ALL
)

SELECT
    sweep.account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([sweep.caller, sweep.hour]) AS dedup_key,
    sweep.caller || ' assumed root of ' || count(DISTINCT assumed_account) || ' accounts between '
    || strftime(min(event_time), '%Y-%m-%d %H:%M') || ' and ' || strftime(max(event_time), '%H:%M') || ' UTC'
        AS summary,
    CASE WHEN bool_and(coalesce(task = 'IAMAuditRootUserCredentials', false)) THEN 'low' ELSE 'high' END AS severity,
    list_sort(list(DISTINCT assumed_account))[:50] AS target_accounts,
    list_sort(list_distinct(list(task)))[:20] AS tasks,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM sweeps AS sweep
JOIN counted AS call
    ON
        call.account_id IS NOT DISTINCT FROM sweep.account_id
        AND call.caller = sweep.caller
        -- Those of one hour are less than 60 minutes apart, so between them no window ends.
        AND call.event_time BETWEEN sweep.first_reached - INTERVAL 60 MINUTE AND sweep.last_reached
GROUP BY sweep.account_id, sweep.caller, sweep.hour
