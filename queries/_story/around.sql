-- What anybody did in some accounts between two moments; what is nearest to a third comes first.
SELECT
    event_id,
    event_time,
    account_id,
    region,
    CASE WHEN is_root THEN 'root' ELSE coalesce(actor_arn, access_key_id, invoked_by, source_ip) END AS actor,
    coalesce(service, event_source) AS service,
    event_name,
    coalesce(target_of(requestParameters, responseElements), denied_resource) AS target,
    source_ip,
    user_agent,
    mfa,
    error_code,
    succeeded,
    is_write,
    logFile,
    logFileIndex
FROM all_events AS event
WHERE
    NOT is_superseded
    AND event_time BETWEEN $first AND $last
    AND (account_id IN (SELECT unnest($accounts)) OR recipient_account_id IN (SELECT unnest($accounts)))
ORDER BY abs(epoch(event_time - CAST($moment AS TIMESTAMP))), event_time, event_id
LIMIT $most
