-- Sessions of the accounts that are asked about. Of very many, those of the time that is asked about; of these the story
-- that is asked for, what alerts are about, what made these or was made by them, what changed something, and the newest.
-- Accounts take turns.
WITH RECURSIVE names AS (
    SELECT
        unnest($named) AS name,
        unnest(range(len($named))) AS place
),

named AS (
    SELECT
        session,
        min(place) AS place
    FROM (
        SELECT
            session,
            place
        FROM story_told
        INNER JOIN names ON name = event_id
        UNION ALL
        SELECT
            session,
            place
        FROM (SELECT DISTINCT session FROM story_told)
        INNER JOIN names ON name = story_id(session)
    )
    GROUP BY session
),

family AS (
    SELECT session FROM named
    UNION
    SELECT unnest([child, parent]) AS session
    FROM family
    INNER JOIN story_births ON session IN (child, parent)
),

parts AS (
    SELECT
        story.session,
        story_id(story.session) AS id,
        story.session ->> '$[0]' AS kind,
        story.session ->> '$[1]' AS account_id,
        story.session ->> '$[2]' AS key,
        coalesce(min(story.event_time) FILTER (phase <> 'before'), min(story.event_time)) AS first_time,
        coalesce(max(story.event_time) FILTER (phase <> 'before'), max(story.event_time)) AS last_time,
        count(*) FILTER (phase = 'before') AS before,
        count(*) FILTER (phase = 'sign_in') AS sign_in,
        count(*) FILTER (phase = 'changed') AS changed,
        count(*) FILTER (phase = 'read') AS read,
        count(*) FILTER (phase = 'refused') AS refused,
        count(*) FILTER (phase = 'before' AND event_name = 'ConsoleLogin') AS failures_before,
        list_sort(list(DISTINCT event_name) FILTER (phase = 'before' AND succeeded))[:10] AS opened_by,
        count(DISTINCT source_ip) FILTER (phase <> 'before') AS address_count,
        count(DISTINCT user_agent) FILTER (phase <> 'before') AS user_agent_count,
        min(story.event_time) FILTER (is_opening AND phase <> 'before') AS first_opening,
        max(story.event_time) FILTER (is_opening AND phase <> 'before') AS last_opening,
        -- Of several, the worst: no, unknown, yes.
        min(mfa) FILTER (phase = 'sign_in' AND event_name = 'ConsoleLogin' AND NOT is_probable) AS login_mfa,
        max(field(additionalEventData, 'MFAIdentifier')) FILTER (
            phase = 'sign_in' AND event_name = 'ConsoleLogin' AND NOT is_probable
        ) AS mfa_device,
        min(CASE lower(logged(
            userIdentity.sessionContext.attributes.mfaAuthenticated,
            extra,
            '$.userIdentity.sessionContext.attributes.mfaAuthenticated'
        ))
            WHEN 'false' THEN 'no'
            WHEN 'true' THEN 'yes'
        END) FILTER (is_root AND phase <> 'before') AS session_mfa,
        min(coalesce(session_issuer, actor_arn)) FILTER (NOT is_root AND phase = 'sign_in') AS assumed_by
    FROM story_told AS story
    INNER JOIN candidates AS event ON event.rowid = story.row
    GROUP BY story.session
),

chosen AS (
    SELECT
        parts.*,
        coalesce(last_time >= $since, true) AND coalesce(first_time <= $until, true) AS is_asked,
        place,
        id IS NOT DISTINCT FROM $story AS is_the_one,
        family.session IS NOT NULL AS is_kin
    FROM parts
    LEFT JOIN named ON named.session = parts.session
    LEFT JOIN family ON family.session = parts.session
    WHERE
        (len($accounts) = 0 OR account_id IN (SELECT unnest($accounts)))
        -- What belongs to a story is of its account.
        AND ($story IS NULL OR account_id IS NOT DISTINCT FROM (SELECT any_value(account_id) FROM parts WHERE id = $story))
),

numbered AS (
    SELECT
        *,
        count_if(is_asked) OVER () AS asked,
        row_number() OVER (
            PARTITION BY account_id, is_asked, is_the_one, place IS NOT NULL, is_kin
            ORDER BY place, changed > 0 DESC, last_time DESC, session
        ) AS turn
    FROM chosen
)

SELECT * EXCLUDE (place, is_the_one, is_kin, turn)
FROM numbered
ORDER BY is_asked DESC, is_the_one DESC, place IS NOT NULL DESC, is_kin DESC, turn, changed > 0 DESC, last_time DESC, session
LIMIT $most
