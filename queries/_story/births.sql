-- Sessions of root whose credentials another session of root made. Within an account: where logs were made anonymous, one
-- key stands for many. A session that was signed in to, or that AssumeRoot began, has its credentials from there: a record
-- that says otherwise is forged, and so is one in which CreateAccessKey hands out a temporary key, or STS a lasting one.
WITH signed_in AS (
    SELECT session
    FROM story_told AS story
    INNER JOIN candidates AS event ON event.rowid = story.row
    WHERE
        phase = 'sign_in'
        AND event_name IN ('ConsoleLogin', 'AssumeRoot')
        AND NOT is_probable
),

used AS (
    SELECT DISTINCT
        story.session,
        account_id,
        access_key_id
    FROM story_told AS story
    INNER JOIN candidates AS event ON event.rowid = story.row
    WHERE
        is_root
        AND access_key_id IS NOT NULL
        AND story.session NOT IN (SELECT session FROM signed_in)
)

SELECT
    used.session AS child,
    made.session AS parent,
    made.kind,
    made.name,
    made.event_time
FROM used
INNER JOIN story_made AS made
    ON made.name = used.access_key_id
    AND made.account_id = used.account_id
    AND made.kind IN ('key', 'session')
    AND NOT starts_with(made.name, CASE made.kind WHEN 'key' THEN 'ASIA' ELSE 'AKIA' END)
    AND made.session <> used.session
ORDER BY child, made.event_time, parent
