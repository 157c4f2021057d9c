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
