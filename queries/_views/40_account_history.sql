CREATE VIEW account_history AS
SELECT
    account_id,
    min(first_event_time) AS first_event_time,
    max(last_event_time) AS last_event_time
FROM account_coverage
GROUP BY account_id;

-- A rule that claims an absence waits until this has passed the end of its window by 30 minutes.
CREATE VIEW account_watermarks AS
SELECT
    account_id,
    max(last_event_time) AS watermark
FROM account_coverage
WHERE is_sign_in_region(region)
GROUP BY account_id;

-- No alert about these does not mean that they are clean: root logins would not be in the data.
CREATE VIEW accounts_without_sign_in_region AS
SELECT account_id
FROM account_history ANTI JOIN account_watermarks USING (account_id)
WHERE account_id IS NOT NULL;
