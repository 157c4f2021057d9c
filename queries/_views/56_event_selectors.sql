-- The selectors that a trail was given, one row each. A trail logs what any one of them selects.
CREATE VIEW event_selectors AS
WITH calls AS (
    SELECT
        (logFile, logFileIndex) AS call,
        -- The answer repeats them, where the parameters were too large to be logged.
        CASE
            WHEN
                TRY(json_exists(requestParameters, '$.eventSelectors'))
                OR TRY(json_exists(requestParameters, '$.advancedEventSelectors'))
                THEN requestParameters
            ELSE responseElements
        END AS shown
    FROM candidates
    WHERE
        service = 'cloudtrail'
        AND event_name = 'PutEventSelectors'
        AND succeeded
),

basic AS (
    SELECT
        call,
        unnest(json_items(shown, '$.eventSelectors')) AS selector
    FROM calls
),

advanced AS (
    SELECT
        call,
        unnest(range(len(json_items(shown, '$.advancedEventSelectors')))) AS position,
        unnest(json_items(shown, '$.advancedEventSelectors')) AS selector
    FROM calls
),

conditions AS (
    SELECT
        call,
        position,
        unnest(json_items(selector, '$.fieldSelectors')) AS condition
    FROM advanced
),

read_out AS (
    SELECT
        call,
        position,
        field(condition, 'field') AS name,
        json_texts(condition, '$.equals') AS equal,
        json_texts(condition, '$.notEquals') AS not_equal,
        len(json_texts(condition, '$.startsWith')) + len(json_texts(condition, '$.notStartsWith'))
        + len(json_texts(condition, '$.endsWith')) + len(json_texts(condition, '$.notEndsWith')) AS other_tests
    FROM conditions
)

SELECT
    call,
    coalesce(lower(field(selector, 'includeManagementEvents')) <> 'false', true) AS selects_management,
    coalesce(lower(field(selector, 'readWriteType')) <> 'writeonly', true) AS selects_reads,
    coalesce(lower(field(selector, 'readWriteType')) <> 'readonly', true) AS selects_writes,
    json_texts(selector, '$.excludeManagementEventSources') AS excluded_sources
FROM basic
UNION ALL
SELECT
    call,
    -- All conditions of a selector hold at once. One that picks out a few events, by source or by name, is no
    -- selector of management events.
    bool_or(coalesce(name = 'eventCategory' AND list_contains(equal, 'Management'), false))
    AND NOT bool_or(
        CASE name
            WHEN 'eventCategory' THEN false
            WHEN 'readOnly' THEN false
            WHEN 'eventSource' THEN len(equal) + other_tests > 0
            ELSE true
        END
    ) AS selects_management,
    NOT bool_or(coalesce(name = 'readOnly' AND NOT list_contains(equal, 'true'), false)) AS selects_reads,
    NOT bool_or(coalesce(name = 'readOnly' AND NOT list_contains(equal, 'false'), false)) AS selects_writes,
    flatten(coalesce(list(not_equal) FILTER (WHERE name = 'eventSource'), [])) AS excluded_sources
FROM read_out
GROUP BY call, position;

-- Calls after which a trail's selectors together leave out management events.
CREATE VIEW event_selector_narrowings AS
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
    candidates.*,
    leaves_out_reads,
    leaves_out_writes,
    left_out_sources
FROM candidates
INNER JOIN gaps ON gaps.call = (candidates.logFile, candidates.logFileIndex)
WHERE
    leaves_out_reads
    OR leaves_out_writes
    OR len(left_out_sources) > 0;
