-- /// check
-- title = "A trail logs all management events"
-- label = "trail events"
-- step = "monitor"
-- why = """
-- A trail can be told to leave out reads, or the events of a source. What root did there is then missing.
-- """
-- known_as = ["Prowler cloudtrail_multi_region_enabled_logging_management_events"]
-- over = "some"
-- words = {pass = "all", fail = "not all"}
-- unseen = "no change of event selectors seen"
-- silence = "no other change"
-- ask = "cloudtrail:GetEventSelectors"
-- next = "let the trail log management events, reads and writes, of all sources"
-- ///

SELECT
    candidates.account_id,
    candidates.event_time,
    candidates.trail_key AS subject,
    CASE
        WHEN candidates.event_name = 'DeleteTrail' THEN 'gone'
        WHEN narrowing.event_id IS NOT NULL THEN 'no'
        ELSE 'yes'
    END AS says,
    regexp_extract(candidates.trail_key, '[^/]*$') || ' of ' || candidates.event_name || ' by '
    || coalesce(candidates.actor_arn, 'an unknown caller') AS detail,
    candidates.event_id
FROM candidates
LEFT JOIN event_selector_narrowings AS narrowing
    ON narrowing.logFile = candidates.logFile
    AND narrowing.logFileIndex = candidates.logFileIndex
WHERE
    candidates.service = 'cloudtrail'
    AND candidates.event_name IN ('PutEventSelectors', 'DeleteTrail')
    AND candidates.succeeded
