-- CloudTrail looking at a bucket that it delivers to. It does so all day: too many to be candidates.
CREATE VIEW bucket_checks AS
SELECT *
FROM candidate_parts
WHERE
    eventName = 'GetBucketAcl'
    AND starts_with(eventSource, 's3.amazonaws.')
    AND starts_with(userIdentity.invokedBy, 'cloudtrail.amazonaws.');

-- All that a lake has to keep apart, so that no rule misses a row when it reads nothing else.
CREATE VIEW wanted_rows AS
FROM candidate_rows
UNION ALL
FROM bucket_checks ANTI JOIN duplicates USING (logFile, logFileIndex) ANTI JOIN candidate_rows USING (logFile, logFileIndex);
