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
