-- What is not as CloudTrail signed it, and the time that no digest covers; empty where nobody asked for digests. Whoever
-- brings the events brings this along: verdicts rest on digests and keys, which are no events.
CREATE TABLE IF NOT EXISTS integrity_findings (
    kind VARCHAR,  -- log_file, digest, gap
    verdict VARCHAR,
    uri VARCHAR,  -- of the log file or digest; of a gap, the place that its log files lie in
    account_id VARCHAR,
    region VARCHAR,
    trail VARCHAR,
    event_time TIMESTAMP,  -- of the delivery; of a digest or gap, when it begins
    last_event_time TIMESTAMP,
    digest VARCHAR,  -- that lists the log file
    signed_sha256 VARCHAR,
    found_sha256 VARCHAR,
    log_files BIGINT,  -- in a gap
    reason VARCHAR
);

-- The call that may explain it: the nearest one, within an hour, that stopped, deleted or changed a trail of the account.
CREATE VIEW integrity_findings_explained AS
SELECT
    finding.*,
    cause.event_id AS cause_id,
    cause.event_name AS cause,
    CASE
        WHEN cause.event_id IS NULL THEN ''
        ELSE '; ' || cause.event_name || ' by ' || coalesce(cause.actor_arn, 'an unknown caller') || ' at '
            || strftime(cause.event_time, '%Y-%m-%dT%H:%M:%SZ')
    END AS explanation
FROM integrity_findings AS finding
LEFT JOIN LATERAL (
    SELECT change.event_id, change.event_name, change.actor_arn, change.event_time
    FROM (
        SELECT event_id, event_name, actor_arn, event_time, account_id FROM trail_stops
        UNION ALL
        SELECT event_id, event_name, actor_arn, event_time, account_id FROM trail_set_ups
    ) AS change
    WHERE
        change.account_id = finding.account_id
        AND change.event_time BETWEEN finding.event_time - INTERVAL 60 MINUTE AND finding.event_time + INTERVAL 60 MINUTE
    ORDER BY abs(epoch(change.event_time - finding.event_time)), change.event_time, change.event_id
    LIMIT 1
) AS cause ON true;
