-- What a call left a trail like; AWS answers with the whole trail, and a deleted one is gone.
SELECT
    account_id,
    event_time,
    trail_key AS subject,
    event_name = 'DeleteTrail' AS is_gone,
    responseElements AS trail,
    regexp_extract(trail_key, '[^/]*$') || ' of ' || event_name || ' by ' || coalesce(actor_arn, 'an unknown caller')
        AS detail,
    event_id
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN ('CreateTrail', 'UpdateTrail', 'DeleteTrail')
    AND succeeded
