-- The most telling events of sessions: what alerts name, changes, what was refused and what came before, then reads from
-- both ends; each call once before any comes twice.
WITH named AS (
    SELECT
        unnest($named) AS event_id,
        unnest(range(len($named))) AS place
),

weighed AS (
    SELECT
        story.row,
        story.session,
        story.phase,
        story.is_probable,
        story.event_id,
        story.event_time,
        event_name,
        place AS named,
        CASE phase
            WHEN 'sign_in' THEN 0
            WHEN 'changed' THEN 0
            WHEN 'refused' THEN 1
            WHEN 'before' THEN 1
            ELSE 2
        END AS weight
    FROM story_told AS story
    INNER JOIN candidates AS event ON event.rowid = story.row
    LEFT JOIN named ON named.event_id = story.event_id
    WHERE session IN (SELECT unnest($sessions))
),

-- Those that can be among the most telling ones: of very many calls, the ends of each.
ends AS (
    SELECT unnest(list_concat(
        arg_min(row, (event_time, event_id, row), $most), arg_max(row, (event_time, event_id, row), $most)
    )) AS row
    FROM weighed
    GROUP BY session, weight, event_name
),

numbered AS (
    SELECT
        *,
        row_number() OVER each_call AS nth,
        -- From the end, by the same order.
        count(*) OVER (each_call ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS nth_last
    FROM weighed
    WHERE named IS NOT NULL OR row IN (SELECT row FROM ends)
    WINDOW each_call AS (PARTITION BY session, weight, event_name ORDER BY event_time, event_id, row)
),

ranked AS (
    SELECT
        row,
        session,
        phase,
        is_probable,
        row_number() OVER (
            PARTITION BY session
            ORDER BY named NULLS LAST, weight, least(nth, nth_last), event_time, event_id, row
        ) AS position
    FROM numbered
    QUALIFY position <= $most
)

SELECT
    session,
    position,
    phase,
    is_probable,
    event_id,
    event_time,
    account_id,
    region,
    CASE WHEN is_root THEN 'root' ELSE coalesce(actor_arn, access_key_id, invoked_by, source_ip) END AS actor,
    coalesce(service, event_source) AS service,
    event_name,
    coalesce(target_of(requestParameters, responseElements), denied_resource) AS target,
    source_ip,
    user_agent,
    mfa,
    error_code,
    succeeded,
    is_write,
    logFile,
    logFileIndex
FROM ranked
INNER JOIN candidates AS event ON event.rowid = ranked.row
ORDER BY event_time, event_id, logFile, logFileIndex
