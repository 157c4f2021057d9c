-- The account a record was delivered to: that is what was, or was not, recorded. Whoever brings the events may bring
-- this along, and then no event needs to be looked at.
CREATE VIEW IF NOT EXISTS coverage AS
SELECT
    coalesce(nullif(recipientAccountId, ''), nullif(userIdentity.accountId, '')) AS account_id,
    awsRegion AS region,
    min(eventTime) AS first_event_time,
    max(eventTime) AS last_event_time
FROM parts
GROUP BY ALL;
