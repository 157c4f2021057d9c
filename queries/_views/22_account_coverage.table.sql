SELECT
    account_id,
    region,
    min(first_event_time) AS first_event_time,
    max(last_event_time) AS last_event_time
FROM coverage
GROUP BY ALL
