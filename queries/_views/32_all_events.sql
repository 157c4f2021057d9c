CREATE VIEW all_events AS FROM normalised('events');

CREATE VIEW event_id_collisions AS
SELECT candidates.*
FROM candidates SEMI JOIN collisions USING (logFile, logFileIndex);
