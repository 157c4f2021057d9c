CREATE VIEW trail_stops AS
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN ('StopLogging', 'DeleteTrail', 'StopEventDataStoreIngestion', 'DeleteEventDataStore')
    AND succeeded;

-- From when to when a trail that was started again had been stopped, and by whom. `scan`, which passes over most events,
-- looks for what this caller did in that time. (Only calls of cloudtrail have a `trail_key`.)
CREATE VIEW trail_gaps AS
SELECT DISTINCT
    stop.event_time AS since,
    restart.event_time AS until,
    stop.caller
FROM trail_stops AS stop
INNER JOIN candidates AS restart USING (trail_key)
WHERE
    stop.event_name = 'StopLogging'
    AND restart.event_name = 'StartLogging'
    AND restart.succeeded
    AND restart.event_time BETWEEN stop.event_time AND stop.event_time + INTERVAL 48 HOUR
    AND stop.caller IS NOT NULL;

CREATE VIEW trail_tampering_denials AS
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN (
        'StopLogging', 'DeleteTrail', 'StopEventDataStoreIngestion', 'DeleteEventDataStore', 'UpdateTrail',
        'PutEventSelectors'
    )
    AND is_permission_error;

-- Calls that say how a trail or event data store is set up.
CREATE VIEW trail_set_ups AS
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN ('CreateTrail', 'UpdateTrail', 'CreateEventDataStore', 'UpdateEventDataStore')
    AND succeeded;

-- Settings of trails that were switched off, changed or removed, one row each. Where nothing is known of a trail, its
-- switches are taken to have been on.
CREATE VIEW trail_weakenings AS
WITH settings AS (
    SELECT
        *,
        unnest([
            {
                'setting': 'multi-region',
                'is_switch': true,
                'asked': coalesce(
                    field(requestParameters, 'isMultiRegionTrail'), field(requestParameters, 'multiRegionEnabled')
                ),
                'answered': coalesce(
                    field(responseElements, 'isMultiRegionTrail'), field(responseElements, 'multiRegionEnabled')
                )
            },
            {
                'setting': 'global service events',
                'is_switch': true,
                'asked': field(requestParameters, 'includeGlobalServiceEvents'),
                'answered': field(responseElements, 'includeGlobalServiceEvents')
            },
            {
                'setting': 'log file validation',
                'is_switch': true,
                'asked': field(requestParameters, 'enableLogFileValidation'),
                'answered': field(responseElements, 'logFileValidationEnabled')
            },
            {
                'setting': 'organisation',
                'is_switch': true,
                'asked': coalesce(
                    field(requestParameters, 'isOrganizationTrail'), field(requestParameters, 'organizationEnabled')
                ),
                'answered': coalesce(
                    field(responseElements, 'isOrganizationTrail'), field(responseElements, 'organizationEnabled')
                )
            },
            -- Asked for as '', which removes it.
            {
                'setting': 'bucket',
                'is_switch': false,
                'asked': TRY(requestParameters ->> 's3BucketName'),
                'answered': field(responseElements, 's3BucketName')
            },
            {
                'setting': 'KMS key',
                'is_switch': false,
                'asked': TRY(requestParameters ->> 'kmsKeyId'),
                'answered': field(responseElements, 'kmsKeyId')
            },
            {
                'setting': 'log group',
                'is_switch': false,
                'asked': TRY(requestParameters ->> 'cloudWatchLogsLogGroupArn'),
                'answered': field(responseElements, 'cloudWatchLogsLogGroupArn')
            }
        ], recursive := true)
    FROM trail_set_ups
),

known AS (
    SELECT
        *,
        -- The answer has the key's ARN where the call may have an alias. What a new trail is not given, it does not have.
        regexp_replace(
            coalesce(answered, asked, CASE WHEN starts_with(event_name, 'Create') THEN '' END), ':\*$', ''
        ) AS value
    FROM settings
),

compared AS (
    SELECT
        *,
        last_value(value IGNORE NULLS) OVER (
            -- An unknown trail is no other unknown one. In one second, a trail is created before it is changed.
            PARTITION BY setting, coalesce(trail_key, event_id)
            ORDER BY event_time, event_name, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS previous
    FROM known
)

SELECT *
FROM compared
WHERE
    event_name IN ('UpdateTrail', 'UpdateEventDataStore')
    AND CASE
        WHEN is_switch THEN lower(asked) = 'false' AND coalesce(lower(previous) <> 'false', true)
        ELSE previous <> '' AND value <> previous
    END;

-- Calls that create, change or start a trail or event data store. What stops one is a trail stop.
CREATE VIEW trail_changes AS
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN (
        'CreateTrail', 'UpdateTrail', 'StartLogging', 'PutEventSelectors', 'PutInsightSelectors', 'CreateEventDataStore',
        'UpdateEventDataStore', 'RestoreEventDataStore', 'StartEventDataStoreIngestion'
    )
    AND succeeded;

-- The buckets that the log files were read from. A copy that is not shown was read too: an account's own trail may say
-- nothing that an organisation's does not.
CREATE VIEW log_file_buckets AS
WITH read_files AS (
    SELECT logFile FROM candidates
    UNION
    SELECT copy.logFile
    FROM duplicates AS copy
    SEMI JOIN candidates AS shown
        ON shown.logFile = copy.shownLogFile
        AND shown.logFileIndex = copy.shownLogFileIndex
)

SELECT DISTINCT split_part(logFile, '/', 3) AS bucket
FROM read_files
WHERE starts_with(logFile, 's3://');
