-- /// rule
-- title = "Root used again after a long pause"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0001:T1078.004"]
-- description = """
-- The root user acted although it had not for more than 90 days. Calls that services make with root's name and
-- AssumeRoot sessions are not use, in the pause or at its end; nor is an MFA challenge or a password recovery.
-- """
-- response = """
-- 1. Ask the account owner why root was needed today.
-- 2. Compare address and user agent with those of the use before; its event is in the context.
-- 3. If nobody knows of it: recover the account, rotate the root password, delete root keys, register MFA again.
-- """
-- false_positives = ["A yearly exercise, or a task that only root can do."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html"]
-- # A late record can lie in the pause; a late AssumeRoot record can show that its end was no use.
-- monotone = false
-- ///

-- By the moment, of which a flood has far fewer than calls.
WITH moments AS (
    SELECT
        account_id AS account,
        event_time AS moment,
        lag(event_time) OVER (PARTITION BY account_id ORDER BY event_time) AS previous_use
    FROM (SELECT DISTINCT account_id, event_time FROM root_uses)
),

awakenings AS MATERIALIZED (
    SELECT *
    FROM moments
    WHERE previous_use < moment - INTERVAL 90 DAY
),

-- Of several calls at one moment, the first one after the pause and the last one before it.
firsts AS (
    SELECT
        root_uses.*,
        previous_use
    FROM root_uses
    INNER JOIN awakenings
        ON moment = event_time
        AND account IS NOT DISTINCT FROM account_id
    QUALIFY row_number() OVER (PARTITION BY account_id, event_time ORDER BY event_id) = 1
),

lasts AS (
    SELECT
        account,
        moment,
        event_id AS previous_event_id,
        source_ip AS previous_source_ip
    FROM root_uses
    INNER JOIN awakenings
        ON previous_use = event_time
        AND account IS NOT DISTINCT FROM account_id
    QUALIFY row_number() OVER (PARTITION BY account_id, event_time ORDER BY event_id DESC) = 1
)

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    day_of(event_time) AS dedup_key,
    'root of account ' || coalesce(account_id, 'unknown') || ' was used again after '
    || date_diff('day', previous_use, event_time) || ' days: '
    || coalesce(service, event_source, 'an unknown service') || ' ' || coalesce(event_name, 'an unknown call')
    || ' from ' || coalesce(source_ip, 'an unknown address') AS summary,
    root_origin,
    previous_use,
    previous_event_id,
    previous_source_ip
FROM firsts
INNER JOIN lasts
    ON moment = event_time
    AND account IS NOT DISTINCT FROM account_id
