-- Calls after which a trail's selectors together leave out management events.
CREATE VIEW event_selector_narrowings AS
SELECT
    candidates.*,
    leaves_out_reads,
    leaves_out_writes,
    left_out_sources
FROM candidates
INNER JOIN event_selector_gaps AS gaps ON gaps.call = (candidates.logFile, candidates.logFileIndex);
