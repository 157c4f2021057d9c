-- The sessions of events that alerts name.
SELECT DISTINCT
    event_id,
    session
FROM story_told
WHERE event_id IN (SELECT unnest($named))
ORDER BY event_id, session
