-- Calls after which a trail's selectors together leave out management events.
WITH totals AS (
    SELECT
        call,
        count_if(selects_management AND selects_reads) AS read_selectors,
        count_if(selects_management AND selects_writes) AS write_selectors
    FROM event_selectors
    GROUP BY call
),

exclusions AS (
    SELECT
        call,
        selects_reads,
        selects_writes,
        unnest(list_distinct(excluded_sources)) AS source
    FROM event_selectors
    WHERE selects_management
),

-- A source is left out of the reads if each of the selectors of reads leaves it out, and there is one.
sources AS (
    SELECT
        call,
        source
    FROM exclusions
    INNER JOIN totals USING (call)
    GROUP BY call, source, read_selectors, write_selectors
    HAVING
        count_if(selects_reads) = nullif(read_selectors, 0)
        OR count_if(selects_writes) = nullif(write_selectors, 0)
),

gaps AS (
    SELECT
        call,
        read_selectors = 0 AS leaves_out_reads,
        write_selectors = 0 AS leaves_out_writes,
        coalesce(list(source ORDER BY source) FILTER (WHERE source IS NOT NULL), []) AS left_out_sources
    FROM totals
    LEFT JOIN sources USING (call)
    GROUP BY call, read_selectors, write_selectors
)

SELECT
    call,
    leaves_out_reads,
    leaves_out_writes,
    left_out_sources
FROM gaps
WHERE
    leaves_out_reads
    OR leaves_out_writes
    OR len(left_out_sources) > 0
