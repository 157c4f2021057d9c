-- From where, and with what; the most frequent ones of each session.
WITH counted AS (
    SELECT
        story.session,
        unnest([{'kind': 'address', 'value': source_ip}, {'kind': 'user_agent', 'value': user_agent}], recursive := true),
        count(*) AS events
    FROM story_told AS story
    INNER JOIN candidates AS event ON event.rowid = story.row
    WHERE
        story.session IN (SELECT unnest($sessions))
        AND phase <> 'before'
        AND is_root
    GROUP BY story.session, source_ip, user_agent
)

SELECT
    session,
    kind,
    value,
    CAST(sum(events) AS BIGINT) AS events
FROM counted
WHERE value IS NOT NULL
GROUP BY session, kind, value
QUALIFY row_number() OVER (PARTITION BY session, kind ORDER BY sum(events) DESC, value) <= 20
ORDER BY session, kind, events DESC, value
