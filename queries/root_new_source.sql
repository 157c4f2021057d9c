-- /// rule
-- title = "Root used from a new address and program"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0001:T1078.004"]
-- description = """
-- A console login of root, or a call with its long-term key, came from an address that root of this account had not
-- used in the 180 days before, and with a user agent that it had not used either. Only said where root was in use in
-- those days, so that there is something to compare with; failed logins make no address known. One alert for each
-- account, address and day.
-- """
-- response = """
-- 1. Ask the account owner whether they are at this address, with this program.
-- 2. Look at what came before: failed logins, a password recovery, a new access key.
-- 3. If it was not them: recover the account, rotate the root password, delete root access keys, look at what was done.
-- """
-- false_positives = ["Travel, a new provider or a new computer."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html"]
-- # Late records can make the address known; a late AssumeRoot record can show that it was not root itself.
-- monotone = false
-- ///

WITH compared AS (
    SELECT
        *,
        max(event_time) OVER from_address AS last_from_address,
        max(event_time) OVER with_agent AS last_with_agent
    FROM root_uses
    WINDOW
        -- Up to the moment before, so that calls of the same second do not make each other known.
        from_address AS (
            PARTITION BY account_id, source_ip
            ORDER BY event_time
            GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        with_agent AS (
            PARTITION BY account_id, user_agent
            ORDER BY event_time
            GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),

-- By the moment: a range of time for each call of a flood takes longer than all other rules.
moments AS (
    SELECT account_id AS account, event_time AS moment, count(*) AS uses
    FROM root_uses
    GROUP BY ALL
),

counted AS (
    SELECT
        account,
        moment,
        CAST(coalesce(sum(uses) OVER (
            PARTITION BY account
            ORDER BY moment
            RANGE BETWEEN INTERVAL 180 DAY PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
        ), 0) AS BIGINT) AS uses_before
    FROM moments
)

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([source_ip, day_of(event_time)]) AS dedup_key,
    'root of account ' || coalesce(account_id, 'unknown') || ' was used from ' || source_ip
    || ', an address and user agent not seen in the 180 days before' AS summary,
    list_sort(list(DISTINCT user_agent))[:20] AS user_agents,
    list_sort(list(DISTINCT root_origin))[:20] AS root_origins,
    max(uses_before) AS uses_in_180_days
FROM compared
JOIN counted
    ON account IS NOT DISTINCT FROM account_id
    AND moment = event_time
WHERE
    ((service = 'signin' AND event_name = 'ConsoleLogin') OR starts_with(access_key_id, 'AKIA'))
    AND NOT is_service_name(source_ip)
    AND source_ip <> 'AWS Internal'
    AND uses_before > 0
    AND coalesce(last_from_address < event_time - INTERVAL 180 DAY, true)
    -- One that the record does not show is not known.
    AND (user_agent IS NULL OR coalesce(last_with_agent < event_time - INTERVAL 180 DAY, true))
GROUP BY account_id, source_ip, day_of(event_time)
