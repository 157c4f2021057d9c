-- /// rule
-- title = "Trail stopped, used as a blind spot, and started again"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002"]
-- description = """
-- A trail was stopped and started again between a minute and 48 hours later, and in between the same caller, or the
-- account's root user, was at work. Starting it again hides that anything happened; what was done in between is known
-- only from other trails. Critical when root was used, or when the caller changed something in IAM. One alert for each
-- StopLogging.
-- """
-- response = """
-- 1. Ask the caller, over another channel, why logging was off, and for the change request.
-- 2. List all calls of the account between the two, from every trail that ran: new users, keys, roles and policies first.
-- 3. What no trail recorded, look for in its effects: credential report, access advisor, resource creation dates.
-- 4. If nobody knows of it: disable the caller's credentials, undo what was made in between, and treat the gap as
--    unobserved.
-- """
-- false_positives = [
--     "Maintenance of a trail by an administrator who goes on working.",
--     "Infrastructure code that restarts a trail.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-turning-off-logging.html",
-- ]
-- # A late StartLogging can show that the gap was shorter than a minute.
-- monotone = false
-- # What the caller did may be any call; only the time of the gaps is read.
-- reads = "events"
-- ///

WITH switches AS (
    SELECT
        *,
        -- The first StartLogging from then on: later ones find the trail running.
        min((event_time, event_id)) FILTER (WHERE event_name = 'StartLogging') OVER (
            PARTITION BY trail_key
            ORDER BY event_time
            RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS restart
    FROM candidates
    WHERE
        -- Which only calls to CloudTrail have. An unknown trail is not the same as another unknown one.
        trail_key IS NOT NULL
        AND succeeded
),

gaps AS MATERIALIZED (
    SELECT
        (logFile, logFileIndex) AS gap,
        account_id,
        is_root,
        actor_arn,
        caller,
        trail_key,
        event_id,
        event_time AS stopped_at,
        restart[1] AS started_at,
        restart[2] AS start_id
    FROM switches
    WHERE
        event_name = 'StopLogging'
        AND restart[1] BETWEEN event_time + INTERVAL 1 MINUTE AND event_time + INTERVAL 48 HOUR
),

-- Calls of whoever is not root itself. All of the type Root are candidates; told apart by the raw column, those of a flood are
-- not read out once more.
others AS (
    SELECT eventTime, event_id, event_time, service, event_name, caller, is_write, succeeded
    FROM all_events
    WHERE
        lower(userIdentity.type) IS DISTINCT FROM 'root'
        AND NOT is_superseded
    UNION ALL
    SELECT eventTime, event_id, event_time, service, event_name, caller, is_write, succeeded
    FROM candidates
    WHERE
        lower(userIdentity.type) = 'root'
        AND NOT direct_root
),

calls AS (
    SELECT
        gap,
        call.event_id,
        call.event_time,
        call.service,
        call.event_name,
        true AS by_root,
        false AS changes_iam
    FROM gaps
    INNER JOIN direct_root_calls AS call
        ON
            call.account_id IS NOT DISTINCT FROM gaps.account_id
            AND call.event_time BETWEEN gaps.stopped_at AND gaps.started_at
            AND call.event_id NOT IN (gaps.event_id, gaps.start_id)
    UNION ALL
    SELECT
        gap,
        call.event_id,
        call.event_time,
        call.service,
        call.event_name,
        false AS by_root,
        call.service = 'iam' AND call.is_write AND call.succeeded AS changes_iam
    FROM gaps
    INNER JOIN others AS call
        ON
            call.caller = gaps.caller
            -- The raw column, by which whole files are passed over.
            AND call.eventTime BETWEEN gaps.stopped_at AND gaps.started_at
            AND call.event_id NOT IN (gaps.event_id, gaps.start_id)
),

between_both AS (
    SELECT
        gap,
        count(*) AS call_count,
        count_if(by_root) AS root_calls,
        count_if(changes_iam) AS iam_changes,
        -- What matters most first: an alert names a hundred events at most.
        arg_max(event_id, (by_root, changes_iam, event_time, event_id), 50) AS call_ids,
        list_sort(list(DISTINCT coalesce(service, 'unknown') || ':' || coalesce(event_name, 'unknown')))[:20] AS calls
    FROM calls
    GROUP BY gap
)

SELECT
    account_id,
    stopped_at AS event_time,
    started_at AS last_event_time,
    call_count + 2 AS event_count,
    list_concat([event_id, start_id], call_ids) AS event_ids,
    event_id AS subject_event_id,
    event_id AS dedup_key,
    CASE WHEN is_root THEN 'root' ELSE coalesce(actor_arn, 'an unknown caller') END || ' stopped ' || trail_key
    || ' in account ' || coalesce(account_id, 'unknown') || ' from ' || strftime(stopped_at, '%Y-%m-%d %H:%M:%S') || ' to '
    || strftime(started_at, '%Y-%m-%d %H:%M:%S') || ' UTC; '
    || CASE WHEN call_count = 1 THEN 'a call' ELSE call_count || ' calls' END || ' in between, '
    || root_calls || ' by root, ' || iam_changes || ' changing IAM' AS summary,
    CASE WHEN root_calls + iam_changes > 0 THEN 'critical' ELSE 'high' END AS severity,
    trail_key AS trail,
    root_calls,
    iam_changes,
    calls
FROM gaps
INNER JOIN between_both USING (gap)
