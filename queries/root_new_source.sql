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

-- The calls that may be from a new source. Of a flood these are few or all.
WITH uses AS MATERIALIZED (
    SELECT
        account_id,
        event_id,
        event_time,
        service,
        event_name,
        source_ip,
        user_agent,
        access_key_id,
        root_origin
    FROM root_uses
),

asked AS (
    SELECT *
    FROM uses
    WHERE
        ((service = 'signin' AND event_name = 'ConsoleLogin') OR starts_with(access_key_id, 'AKIA'))
        AND NOT is_service_name(source_ip)
        AND source_ip <> 'AWS Internal'
),

-- By the moment, so that calls of the same second do not make each other known. Joined by range, or call by call, a flood
-- takes longer than all other rules.
addresses AS (
    SELECT
        account_id AS account,
        source_ip AS address,
        event_time AS moment,
        lag(event_time) OVER (PARTITION BY account_id, source_ip ORDER BY event_time) AS last_from_address
    FROM (
        SELECT DISTINCT account_id, source_ip, event_time
        FROM uses
        WHERE source_ip IN (SELECT source_ip FROM asked)
    )
),

agents AS (
    SELECT
        account_id AS account,
        user_agent AS agent,
        event_time AS moment,
        lag(event_time) OVER (PARTITION BY account_id, user_agent ORDER BY event_time) AS last_with_agent
    FROM (
        SELECT DISTINCT account_id, user_agent, event_time
        FROM uses
        WHERE user_agent IN (SELECT user_agent FROM asked)
    )
),

moments AS (
    SELECT
        account_id AS account,
        event_time AS moment,
        count(*) AS use_count
    FROM uses
    GROUP BY ALL
),

counted AS (
    SELECT
        account,
        moment,
        CAST(coalesce(sum(use_count) OVER (
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
FROM asked
INNER JOIN addresses
    ON addresses.account IS NOT DISTINCT FROM account_id
    AND address = source_ip
    AND addresses.moment = event_time
LEFT JOIN agents
    ON agents.account IS NOT DISTINCT FROM account_id
    AND agent = user_agent
    AND agents.moment = event_time
INNER JOIN counted
    ON counted.account IS NOT DISTINCT FROM account_id
    AND counted.moment = event_time
WHERE
    uses_before > 0
    AND coalesce(last_from_address < event_time - INTERVAL 180 DAY, true)
    -- One that the record does not show is not known.
    AND (user_agent IS NULL OR coalesce(last_with_agent < event_time - INTERVAL 180 DAY, true))
GROUP BY account_id, source_ip, day_of(event_time)
