-- Candidates of one account that share an eventID: equal ones are not shown, so that these differ. Each gets a key of its
-- own, so that neither stands for the other.
WITH suspected AS (
    -- Eight bytes of a key first: all keys of millions of candidates do not fit into memory, and hardly any is shared.
    SELECT hash(recipientAccountId, eventKey) AS key_hash
    FROM candidate_rows
    GROUP BY ALL
    HAVING count(*) > 1
),

shared AS (
    SELECT
        recipientAccountId,
        eventKey
    FROM candidate_rows
    SEMI JOIN suspected ON suspected.key_hash = hash(recipientAccountId, eventKey)
    GROUP BY ALL
    HAVING count(*) > 1
)

SELECT
    logFile,
    logFileIndex,
    eventKey || '#' || left(sha256(to_json(struct_pack(*COLUMNS(row.* EXCLUDE (logFile, logFileIndex))))), 16) AS own_key
FROM candidate_rows AS row
SEMI JOIN shared
    ON row.eventKey = shared.eventKey
    AND row.recipientAccountId IS NOT DISTINCT FROM shared.recipientAccountId
