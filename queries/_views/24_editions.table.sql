-- CloudTrail may log an event once more when it knows more of it: a record with an eventID of its own, whose addendum names
-- the first one. These are the records of such events, in the order of their editions, with the one that is shown.
WITH claims AS MATERIALIZED (
    SELECT
        logFile,
        logFileIndex,
        field(unquoted(addendum), 'originalEventID') AS original_key
    FROM candidate_rows
    WHERE
        field(unquoted(addendum), 'reason') = 'UPDATED_DATA'
        AND is_uuid(original_key)
),

records AS (
    SELECT
        logFile,
        logFileIndex,
        original_key,
        true AS is_later
    FROM claims
    UNION ALL
    SELECT
        logFile,
        logFileIndex,
        eventKey AS original_key,
        false AS is_later
    FROM candidate_rows
    SEMI JOIN claims ON candidate_rows.eventKey = claims.original_key
    -- What is a later edition of a third record is no first one.
    ANTI JOIN claims AS later USING (logFile, logFileIndex)
),

-- Whoever can put a record into the log must not hide another one by it. So a later edition may not say otherwise: not when
-- and by whom what was done, and what came of it; nor, once it has been told, the parameters, the answer, or MFA.
told AS (
    SELECT
        recipientAccountId,
        logFile,
        logFileIndex,
        eventKey AS edition_key,
        original_key,
        is_later,
        regexp_extract(logFile, '_([0-9]{8}T[0-9]{4}Z)_', 1) AS delivered,
        CAST(to_json({
            'event': [CAST(eventTime AS VARCHAR), eventSource, eventName, awsRegion, eventType, CAST(readOnly AS VARCHAR)],
            'caller': userIdentity,
            'from_console': [sessionCredentialFromConsole, CAST(is_console_user_agent(userAgent) AS VARCHAR)],
            'outcome': [
                logged(errorCode, extra, 'errorCode'),
                logged(errorMessage, extra, 'errorMessage'),
                CAST(coalesce(lower(field(unquoted(responseElements), eventName)) = 'failure', false) AS VARCHAR)
            ],
            'misfits': [
                field(extra, 'userIdentity'), field(extra, 'eventType'), field(extra, 'readOnly'),
                field(extra, 'sessionCredentialFromConsole')
            ]
        }) AS VARCHAR) AS deed,
        unquoted(requestParameters) AS parameters,
        unquoted(responseElements) AS answer,
        CASE
            WHEN field(unquoted(additionalEventData), 'MFAIdentifier') IS NOT NULL THEN 'yes'
            ELSE lower(field(unquoted(additionalEventData), 'MFAUsed'))
        END AS mfa_used
    FROM candidate_rows
    INNER JOIN records USING (logFile, logFileIndex)
    -- Which of several is the first one is not known.
    ANTI JOIN collisions USING (logFile, logFileIndex)
),

compared AS (
    SELECT
        *,
        row_number() OVER editions AS edition,
        -- Up to here, nothing is told in two ways.
        (
            min(deed) OVER editions = max(deed) OVER editions
            AND min(parameters) OVER editions IS NOT DISTINCT FROM max(parameters) OVER editions
            AND min(answer) OVER editions IS NOT DISTINCT FROM max(answer) OVER editions
            AND min(mfa_used) OVER editions IS NOT DISTINCT FROM max(mfa_used) OVER editions
        ) AS agrees
    FROM told
    WINDOW editions AS (
        PARTITION BY recipientAccountId, original_key
        ORDER BY is_later, delivered, logFile, logFileIndex
        ROWS UNBOUNDED PRECEDING
    )
)

SELECT
    logFile,
    logFileIndex,
    edition_key,
    original_key,
    edition < max(edition) OVER event AS is_earlier,
    arg_max(logFile, edition) OVER event AS shownLogFile,
    arg_max(logFileIndex, edition) OVER event AS shownLogFileIndex
FROM compared
WHERE agrees
WINDOW event AS (PARTITION BY recipientAccountId, original_key)
