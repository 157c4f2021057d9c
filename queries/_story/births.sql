-- Sessions of root whose credentials another session of root made. Within an account: where logs were made anonymous, one
-- key stands for many.
WITH used AS (
    SELECT DISTINCT
        story.session,
        account_id,
        access_key_id
    FROM story_told AS story
    INNER JOIN candidates AS event ON event.rowid = story.row
    WHERE
        is_root
        AND access_key_id IS NOT NULL
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
    AND made.session <> used.session
ORDER BY child, made.event_time, parent
