-- /// rule
-- title = "MFA devices of several users deactivated"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0003:T1556.006", "TA0006:T1556.006", "TA0040:T1531"]
-- description = """
-- One caller deactivated the MFA devices of three or more identities within 30 minutes. Off-boarding removes one at a
-- time; this opens a whole account, or locks people out of it. Low when the same caller deleted each of those users
-- within 60 minutes. One alert for each caller and hour in which a third one went.
-- """
-- response = """
-- 1. Ask the caller, over another channel, for the ticket.
-- 2. If there is none: disable the caller's credentials first, then find out how they were taken.
-- 3. For each of the identities: look for logins and new access keys since, then register MFA again.
-- """
-- false_positives = [
--     "Bulk off-boarding that deletes the users later than an hour after.",
--     "Moving users to single sign-on.",
-- ]
-- references = ["https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html"]
-- # Later data can add events, or lower the severity; an hour that had its third identity keeps it.
-- # A late record can show that two devices were root's, which is one target.
-- monotone = false
-- ///

WITH removals AS (
    SELECT
        removal.account_id,
        removal.event_time,
        removal.event_id,
        removal.caller,
        removal.source_ip,
        -- A device says whose it is even where the call does not.
        coalesce(mfa_target_kind || ':' || lower(mfa_target), 'device:' || mfa_serial) AS target,
        EXISTS (
            FROM user_deletions AS deletion
            WHERE
                deletion.account_id IS NOT DISTINCT FROM removal.account_id
                AND deletion.actor_key = removal.actor_key
                AND removal.mfa_target_kind = 'user'
                AND lower(deletion.named_user) = lower(removal.mfa_target)
                AND deletion.event_time BETWEEN removal.event_time AND removal.event_time + INTERVAL 60 MINUTE
        ) AS deleted_after
    FROM mfa_deactivations AS removal
),

counted AS (
    SELECT
        *,
        count(DISTINCT target) OVER (
            PARTITION BY account_id, caller
            ORDER BY event_time
            RANGE BETWEEN INTERVAL 30 MINUTE PRECEDING AND CURRENT ROW
        ) AS targets
    FROM removals
    WHERE caller IS NOT NULL
),

-- The first and the last third one that come within 30 minutes after: all between lie in the hours of these two.
placed AS (
    SELECT
        *,
        min(event_time) FILTER (WHERE targets >= 3) OVER following AS first_third,
        max(event_time) FILTER (WHERE targets >= 3) OVER following AS last_third
    FROM counted
    WINDOW following AS (
        PARTITION BY account_id, caller
        ORDER BY event_time
        RANGE BETWEEN CURRENT ROW AND INTERVAL 30 MINUTE FOLLOWING
    )
),

bursts AS (
    SELECT
        *,
        unnest(list_distinct([hour_of(first_third), hour_of(last_third)])) AS hour
    FROM placed
)

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    group_key([caller, hour]) AS dedup_key,
    caller || ' deactivated the MFA devices of ' || count(DISTINCT target) || ' identities of account '
    || coalesce(account_id, 'unknown') || ' within 30 minutes, the last at '
    || strftime(max(event_time), '%Y-%m-%d %H:%M:%S') || ' UTC'
    || CASE WHEN bool_and(deleted_after) THEN ', and deleted the users' ELSE '' END AS summary,
    CASE WHEN bool_and(deleted_after) THEN 'low' ELSE 'high' END AS severity,
    list_sort(list(DISTINCT target))[:50] AS targets,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips
FROM bursts
GROUP BY account_id, caller, hour
