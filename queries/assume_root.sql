-- /// rule
-- title = "Root session assumed with AssumeRoot"
-- severity = "low"
-- confidence = "high"
-- attack = ["TA0004:T1548.005", "TA0004:T1078.004"]
-- description = """
-- Somebody in the management account, or in a delegated administrator's, took a short root session of a member
-- account. Low when this caller has assumed root of this account before. The first time is medium, and high when 90
-- days of data show that it did not happen before. Critical when the session may create a root password: whoever
-- has root's mailbox can then sign in as root.
-- """
-- response = """
-- 1. Match caller, target account and task with a ticket of the team that runs centralized root access.
-- 2. Look at what the session did in the target account: assume_root_privileged_action, and its reads.
-- 3. For IAMCreateRootUserPassword: is a root password wanted in that account at all? Who reads root's mailbox?
-- 4. If unexpected: revoke the caller's sessions, deny sts:AssumeRoot by policy, delete root's credentials again.
-- """
-- false_positives = [
--     "Scheduled audits of root credentials.",
--     "Unlocking a bucket or queue whose policy shuts everybody out.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html",
-- ]
-- # Earlier calls that arrive late can lower the severity, never take the finding back.
-- monotone = true
-- ///

WITH calls AS (
    SELECT
        *,
        -- A caller or an account that the record does not show is none that was seen before.
        caller IS NULL
        OR assumed_account IS NULL
        OR row_number() OVER (
            PARTITION BY account_id, caller, assumed_account
            ORDER BY event_time, event_id
        ) = 1 AS is_new
    FROM assume_root_calls
)

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(actor_arn, 'an unknown caller') || ' assumed root of account ' || coalesce(assumed_account, 'unknown')
    || ' for ' || coalesce(task, 'an unknown task')
    || CASE WHEN is_new THEN ', for the first time in these logs' ELSE '' END AS summary,
    CASE
        WHEN task = 'IAMCreateRootUserPassword' THEN 'critical'
        WHEN NOT is_new THEN 'low'
        WHEN first_event_time <= event_time - INTERVAL 90 DAY THEN 'high'
        ELSE 'medium'
    END AS severity,
    assumed_account AS target_account,
    task,
    is_new AS is_new_pair,
    field(responseElements, '$.credentials.accessKeyId') AS session_access_key_id
FROM calls LEFT JOIN account_history USING (account_id)
