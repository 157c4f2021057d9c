-- The table of the Athena User Guide ("Create a table for CloudTrail logs"), with the partition columns of its variants.
-- `"$path"` is Athena's name for the file of a row.
CREATE VIEW cloudtrail_logs AS
SELECT
    * EXCLUDE (extra, eventKey, logFile, logFileIndex)
    REPLACE (
        strftime(eventTime, '%Y-%m-%dT%H:%M:%SZ') AS eventTime,
        CAST(readOnly AS VARCHAR) AS readOnly,
        TRY(from_json(resources, '[{"ARN": "VARCHAR", "accountId": "VARCHAR", "type": "VARCHAR"}]')) AS resources,
        TRY(from_json(
            tlsDetails, '{"tlsVersion": "VARCHAR", "cipherSuite": "VARCHAR", "clientProvidedHostHeader": "VARCHAR"}'
        )) AS tlsDetails
    ),
    awsRegion AS region,
    coalesce(nullif(recipientAccountId, ''), userIdentity.accountId) AS account,
    strftime(eventTime, '%Y/%m/%d') AS "timestamp",
    strftime(eventTime, '%Y') AS "year",
    strftime(eventTime, '%m') AS "month",
    strftime(eventTime, '%d') AS "day",
    -- As AWS's own workshops and solutions call them.
    account AS account_id,
    awsRegion AS region_partition,
    account AS account_partition,
    "timestamp" AS date_partition,
    logFile AS "$path"
FROM events;
