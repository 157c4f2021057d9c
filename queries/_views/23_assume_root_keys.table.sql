-- Member accounts may record an AssumeRoot session without `assumedRoot`; the key that was handed out tells.
SELECT DISTINCT field(unquoted(responseElements), '$.credentials.accessKeyId') AS handed_out_key
FROM candidate_rows
WHERE
    starts_with(eventSource, 'sts.')
    AND eventName = 'AssumeRoot'
