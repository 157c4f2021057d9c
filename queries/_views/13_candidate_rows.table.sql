-- A superset by cheap predicates; filtered first, then freed of duplicates. What rules need beyond it they
-- read from `all_events` and say so in their metadata. `is_candidate_event` is made from candidate_events.toml.
SELECT *
FROM (
    SELECT *
    FROM candidate_parts
    WHERE
        lower(userIdentity.type) = 'root'
        OR lower(userIdentity.sessionContext.sessionIssuer.type) = 'root'
        OR is_candidate_event(eventSource, eventName)
        OR (starts_with(eventSource, 'cloudtrail.') AND readOnly IS DISTINCT FROM true)
    UNION ALL
    -- Apart, so that nobody's parameters are read for it where there are no such calls. Root's are above.
    SELECT *
    FROM candidate_parts
    WHERE
        -- A range, which DuckDB applies before it reads other columns.
        eventName BETWEEN 'DeleteObject' AND 'DeleteObjects'
        AND starts_with(eventSource, 's3.')
        AND deletes_log_files(eventName, unquoted(requestParameters))
        AND NOT coalesce(lower(userIdentity.type) = 'root', false)
        AND NOT coalesce(lower(userIdentity.sessionContext.sessionIssuer.type) = 'root', false)
) ANTI JOIN duplicates USING (logFile, logFileIndex)
