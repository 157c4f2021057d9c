-- In layers, each over the one before: aliases within one SELECT are copied in wherever they are used, and planning
-- that costs more than the work.
CREATE MACRO normalised(relation) AS TABLE
WITH read_out AS (
    SELECT
        * REPLACE (
            unquoted(requestParameters) AS requestParameters,
            unquoted(responseElements) AS responseElements,
            unquoted(additionalEventData) AS additionalEventData
        ),
        -- As they are in the log, where that is not what stands there now.
        {
            'requestParameters': nullif(requestParameters, unquoted(requestParameters)),
            'responseElements': nullif(responseElements, unquoted(responseElements)),
            'additionalEventData': nullif(additionalEventData, unquoted(additionalEventData))
        } AS logged_texts
    FROM query_table(relation)
),

named AS (
    SELECT
        raw.*,
        -- Later editions of an event have the key of the first one, whether that is there or not.
        coalesce(own_key, original_key, raw.eventKey) AS event_key,
        coalesce(own_key, original_key, raw.eventKey) AS event_id,
        coalesce(is_earlier, false) AS is_superseded,
        eventTime AS event_time,
        nullif(eventSource, '') AS event_source,
        -- `iam` of iam.amazonaws.com, in any partition.
        nullif(regexp_extract(eventSource, '^([a-z0-9.-]+?)\.amazonaws\.(?:com|com\.cn|cn|eu)$', 1), '') AS service,
        nullif(eventName, '') AS event_name,
        nullif(awsRegion, '') AS region,
        logged(sourceIPAddress, extra, 'sourceIPAddress') AS source_ip,
        logged(userAgent, extra, 'userAgent') AS user_agent,
        logged(errorCode, extra, 'errorCode') AS error_code,
        logged(errorMessage, extra, 'errorMessage') AS error_message,
        nullif(recipientAccountId, '') AS recipient_account_id,
        nullif(userIdentity.type, '') AS actor_type,
        nullif(userIdentity.arn, '') AS actor_arn,
        coalesce(
            nullif(userIdentity.userName, ''),
            CASE WHEN contains(userIdentity.arn, ':user/') THEN
                nullif(regexp_extract(userIdentity.arn, ':user/(?:.*/)?([^/]+)$', 1), '')
            END
        ) AS actor_name,
        nullif(userIdentity.accessKeyId, '') AS access_key_id,
        nullif(userIdentity.invokedBy, '') AS invoked_by,
        nullif(userIdentity.sessionContext.sessionIssuer.type, '') AS session_issuer_type,
        nullif(userIdentity.sessionContext.sessionIssuer.arn, '') AS session_issuer,
        lower(logged(
            userIdentity.sessionContext.assumedRoot, extra, '$.userIdentity.sessionContext.assumedRoot'
        )) AS assumed_root,
        handed_out_key,
        logged(
            userIdentity.sessionContext.attributes.creationDate,
            extra,
            '$.userIdentity.sessionContext.attributes.creationDate'
        ) AS session_created,
        field(requestParameters, 'serialNumber') AS mfa_serial,
        field(requestParameters, 'userName') AS parameters_user
    FROM read_out AS raw
    LEFT JOIN assume_root_keys ON handed_out_key = raw.userIdentity.accessKeyId
    LEFT JOIN collisions
        ON collisions.logFile = raw.logFile
        AND collisions.logFileIndex = raw.logFileIndex
    LEFT JOIN editions
        ON editions.logFile = raw.logFile
        AND editions.logFileIndex = raw.logFileIndex
),

judged AS (
    SELECT
        *,
        -- An account number written as a JSON number has lost its leading zeros.
        coalesce(
            nullif(userIdentity.accountId, ''),
            lpad(field(extra, '$.userIdentity.accountId'), 12, '0'),
            recipient_account_id
        ) AS account_id,
        coalesce(session_issuer, actor_arn) AS actor_key,
        coalesce(access_key_id, source_ip) AS session_key,
        service IS NOT DISTINCT FROM 'signin' OR coalesce(lower(eventType) = 'awsconsolesignin', false) AS is_sign_in,
        (
            coalesce(lower(logged(sessionCredentialFromConsole, extra, 'sessionCredentialFromConsole')) = 'true', false)
            OR coalesce(lower(logged(
                userIdentity.sessionContext.attributes.sessionCredentialFromConsole,
                extra,
                '$.userIdentity.sessionContext.attributes.sessionCredentialFromConsole'
            )) = 'true', false)
            OR is_signin_name(invoked_by)
            OR is_console_user_agent(user_agent)
        ) AS from_console,
        -- A failed sign-in has no errorCode: an errorMessage, and {"ConsoleLogin": "Failure"}.
        (
            error_code IS NULL
            AND error_message IS NULL
            AND coalesce(lower(TRY(responseElements ->> eventName)) <> 'failure', true)
        ) AS succeeded,
        is_permission_error_code(error_code) AS is_permission_error,
        NOT coalesce(
            readOnly,
            CASE lower(field(extra, 'readOnly')) WHEN 'true' THEN true WHEN 'false' THEN false END,
            is_read_verb(eventName)
        ) AS is_write,
        -- Denied calls have null parameters: "… on resource: user alice because …", or an ARN.
        CASE WHEN requestParameters IS NULL THEN
            nullif(rtrim(regexp_extract(error_message, 'on resource: (user [^ ,]+|[^ ,]+)', 1), '."'), '')
        END AS denied_resource,
        -- The ARN of the trail or event data store, or the trail's bare name.
        CASE WHEN service = 'cloudtrail' THEN
            coalesce(
                field(responseElements, 'trailARN'),
                field(responseElements, 'eventDataStoreArn'),
                field(requestParameters, 'eventDataStore'),
                field(requestParameters, 'name'),
                field(requestParameters, 'trailName'),
                nullif(regexp_extract(
                    error_message, 'arn:[^ ]*:cloudtrail:[^ ]*:(?:trail|eventdatastore)/[A-Za-z0-9._-]*[A-Za-z0-9]'
                ), '')
            )
        END AS logged_trail
    FROM named
),

rooted AS (
    SELECT
        *,
        coalesce(field(requestParameters, 'accountId'), account_id) AS target_account,
        -- Session names change, the role behind them does not; without either, the same key or address is the same caller.
        coalesce(actor_key, session_key) AS caller,
        -- A failed directory login says type Root with an empty ARN.
        coalesce(lower(userIdentity.type) = 'root', false)
        AND CASE
            WHEN userIdentity.arn IS NULL THEN true
            WHEN userIdentity.arn = '' THEN NOT is_sign_in
            ELSE is_root_arn(userIdentity.arn)
        END AS is_root,
        coalesce(
            parameters_user,
            nullif(regexp_extract(denied_resource, '^(?:user |.*:user/(?:.*/)?)([^/ ]+)$', 1), '')
        ) AS named_user,
        -- Not when it is null, left out as too large, or no object.
        coalesce(TRY(json_type(requestParameters)) = 'OBJECT', false)
        AND coalesce(lower(field(requestParameters, 'omitted')) <> 'true', true) AS has_parameters,
        CASE
            WHEN NOT is_sign_in THEN NULL
            WHEN field(additionalEventData, 'MFAIdentifier') IS NOT NULL THEN 'yes'
            WHEN lower(field(additionalEventData, 'MFAUsed')) = 'yes' THEN 'yes'
            WHEN lower(field(additionalEventData, 'MFAUsed')) = 'no' THEN 'no'
            ELSE 'unknown'
        END AS mfa,
        -- A bare name lives in the account and region of the call.
        CASE
            WHEN starts_with(logged_trail, 'arn:') THEN logged_trail
            ELSE
                'arn:' || partition_of(region) || ':cloudtrail:' || coalesce(region, '') || ':'
                || coalesce(recipient_account_id, account_id, '')
                || CASE WHEN field(requestParameters, 'eventDataStore') IS NULL THEN ':trail/' ELSE ':eventdatastore/' END
                || logged_trail
        END AS trail_key
    FROM judged
),

targeted AS (
    SELECT
        *,
        CASE
            WHEN lower(eventType) = 'awsserviceevent' THEN 'service_event'
            WHEN is_root AND (assumed_root = 'true' OR handed_out_key IS NOT NULL) THEN 'assume_root'
            -- A person in the console has invokedBy too, so: a service, and from a service's address.
            WHEN
                is_service_name(invoked_by)
                AND NOT is_signin_name(invoked_by)
                AND (is_service_name(source_ip) OR source_ip = 'AWS Internal')
                THEN 'service'
            WHEN is_sign_in THEN 'signin'
            WHEN from_console THEN 'console'
            WHEN starts_with(access_key_id, 'AKIA') THEN 'long_term_key'
            WHEN starts_with(access_key_id, 'ASIA') THEN 'temporary_key'
            ELSE 'unknown'
        END AS root_origin,
        -- Kind and name apart, since an IAM user may be called root.
        CASE
            WHEN service IS DISTINCT FROM 'iam' THEN NULL
            WHEN event_name NOT IN ('DeactivateMFADevice', 'EnableMFADevice', 'ResyncMFADevice') THEN NULL
            -- Anybody may give a device of their own the name that the console gives root's: who is named counts first.
            WHEN upper(named_user) = 'AWS ROOT USER' THEN 'root'
            WHEN named_user IS NOT NULL THEN 'user'
            WHEN regexp_matches(denied_resource, ':(root$|mfa/root-account-mfa-device$|u2f/root/)') THEN 'root'
            -- Parameters without userName mean the caller; missing parameters do not.
            WHEN has_parameters AND is_root THEN 'root'
            WHEN regexp_matches(mfa_serial, ':u2f/root/') THEN 'root'
            WHEN has_parameters AND lower(actor_type) = 'iamuser' AND actor_name IS NOT NULL THEN 'user'
            WHEN regexp_matches(mfa_serial, ':mfa/root-account-mfa-device$') THEN 'root'
            ELSE 'unknown'
        END AS mfa_target_kind
    FROM rooted
)

SELECT
    * EXCLUDE (handed_out_key, parameters_user, logged_trail, has_parameters, assumed_root, session_created),
    is_root AND root_origin NOT IN ('service_event', 'service', 'assume_root') AS direct_root,
    CASE mfa_target_kind
        WHEN 'root' THEN 'root'
        WHEN 'user' THEN coalesce(named_user, actor_name)
    END AS mfa_target,
    coalesce(
        mfa_target_kind = 'user'
        AND lower(actor_type) = 'iamuser'
        AND lower(coalesce(named_user, actor_name)) = lower(actor_name),
        false
    ) AS mfa_target_is_caller,
    -- The session of root that an event belongs to, as far as it says so by itself: kind, account and key. One sign-in
    -- uses many access keys, all of which were created when it was; a sign-in does not name that moment, it is it.
    CASE
        WHEN
            service = 'sts'
            AND event_name = 'AssumeRoot'
            AND succeeded
            AND field(responseElements, '$.credentials.accessKeyId') IS NOT NULL
            THEN group_key([
                'assume_root',
                left(account_of_principal(field(requestParameters, 'targetPrincipal')), 64),
                left(field(responseElements, '$.credentials.accessKeyId'), 64)
            ])
        WHEN NOT is_root OR root_origin IN ('service_event', 'service') THEN NULL
        WHEN root_origin = 'assume_root' AND access_key_id IS NOT NULL THEN
            group_key(['assume_root', left(account_id, 64), left(access_key_id, 64)])
        WHEN service = 'signin' AND event_name = 'ConsoleLogin' THEN
            CASE WHEN succeeded THEN group_key(['session', left(account_id, 64), second_of(event_time)]) END
        WHEN session_created IS NOT NULL THEN
            group_key([
                'session',
                left(account_id, 64),
                coalesce(second_of(TRY_CAST(session_created AS TIMESTAMP)), left(session_created, 64))
            ])
        WHEN starts_with(access_key_id, 'AKIA') THEN
            group_key(['key', left(account_id, 64), left(access_key_id, 64) || ' ' || day_of(event_time)])
    END AS root_session
FROM targeted;
