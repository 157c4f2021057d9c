-- /// rule
-- title = "Root used for the first time"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0001:T1078.004"]
-- description = """
-- The root user of this account acted for the first time in the data, after at least 90 days in which it did not.
-- Calls that services make with root's name and AssumeRoot sessions are not use; nor is an MFA challenge or a
-- password recovery, which anybody can set off. One alert for each account, ever.
-- """
-- response = """
-- 1. Ask the account owner why root was needed today, after all this time.
-- 2. Look at how it got in: a login, a password recovery before it, or an access key that nobody knew of.
-- 3. If nobody knows of it: recover the account, rotate the root password, delete root keys, register MFA again.
-- """
-- false_positives = ["A task that only root can do, or a first break-glass exercise."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html"]
-- # An earlier use that arrives late may have less data before it; a late AssumeRoot record, that it was no use.
-- monotone = false
-- ///

WITH first_moments AS (
    SELECT
        account_id AS account,
        min(event_time) AS moment
    FROM root_uses
    GROUP BY account_id
),

first_uses AS (
    SELECT root_uses.*
    FROM root_uses
    INNER JOIN first_moments
        ON moment = event_time
        AND account IS NOT DISTINCT FROM account_id
    QUALIFY row_number() OVER (PARTITION BY account_id ORDER BY event_id) = 1
)

SELECT
    uses.account_id,
    event_time,
    [event_id] AS event_ids,
    'first' AS dedup_key,
    'root of account ' || coalesce(uses.account_id, 'unknown') || ' was used for the first time in '
    || date_diff('day', history.first_event_time, event_time) || ' days of logs: '
    || coalesce(service, event_source, 'an unknown service') || ' ' || coalesce(event_name, 'an unknown call')
    || ' from ' || coalesce(source_ip, 'an unknown address') AS summary,
    history.first_event_time AS logs_since,
    root_origin
FROM first_uses AS uses
JOIN account_history AS history ON history.account_id IS NOT DISTINCT FROM uses.account_id
WHERE history.first_event_time <= event_time - INTERVAL 90 DAY
