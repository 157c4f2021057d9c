-- What every rule would get wrong alone, once. The engine runs this file before the first rule, over three relations
-- and the words of _macros.sql:
--
--   parts       every row, columns as CloudTrail names them; also of further copies, unless they were set apart
--   duplicates  eventKey, recipientAccountId, logFile, logFileIndex of the copies that are not shown, and which row each
--               is a copy of: shownLogFile, shownLogFileIndex
--   events      parts without these duplicates
--
-- For rules it leaves `candidates` and views of it (normalised columns beside the raw ones), `account_coverage`
-- and its views, and `all_events`, which is `candidates` for every event and costs a scan of the lake.


-- The one pass over the lake -------------------------------------------------------------------------------------------

-- A lake keeps candidates in parts of their own. It brings along which rows those are, and which nobody has looked at.
CREATE VIEW IF NOT EXISTS unclassified_parts AS FROM parts;
CREATE VIEW IF NOT EXISTS classified_parts AS FROM parts WHERE false;

-- Few rows in many files, which would be opened anew by each that reads them. In an order of their own, since keeping
-- that of the files costs as much again as reading them.
CREATE TABLE classified_rows AS FROM classified_parts ORDER BY eventTime, logFile, logFileIndex;

CREATE VIEW candidate_parts AS
FROM unclassified_parts
UNION ALL
FROM classified_rows;

-- A superset by cheap predicates; filtered first, then freed of duplicates. What rules need beyond it they
-- read from `all_events` and say so in their metadata.
CREATE TABLE candidate_rows AS
SELECT *
FROM (
    SELECT *
    FROM candidate_parts
    WHERE
        lower(userIdentity.type) = 'root'
        OR lower(userIdentity.sessionContext.sessionIssuer.type) = 'root'
        OR starts_with(eventSource, 'signin.')
        OR (
            starts_with(eventSource, 'iam.')
            AND eventName IN (
                'DeactivateMFADevice', 'EnableMFADevice', 'CreateVirtualMFADevice', 'DeleteVirtualMFADevice',
                'ResyncMFADevice', 'CreateLoginProfile', 'UpdateLoginProfile', 'DeleteLoginProfile', 'DeleteUser',
                'EnableOrganizationsRootCredentialsManagement', 'DisableOrganizationsRootCredentialsManagement',
                'EnableOrganizationsRootSessions', 'DisableOrganizationsRootSessions'
            )
        )
        OR (starts_with(eventSource, 'sts.') AND eventName = 'AssumeRoot')
        OR (starts_with(eventSource, 'cloudtrail.') AND readOnly IS DISTINCT FROM true)
        OR (
            starts_with(eventSource, 'organizations.')
            AND eventName IN ('LeaveOrganization', 'RemoveAccountFromOrganization', 'RegisterDelegatedAdministrator')
        )
        OR (
            starts_with(eventSource, 's3.')
            AND eventName IN (
                'DeleteBucket', 'DeleteBucketPolicy', 'PutBucketLifecycle', 'PutBucketLifecycleConfiguration',
                'PutBucketVersioning'
            )
        )
        OR (starts_with(eventSource, 'kms.') AND eventName IN ('ScheduleKeyDeletion', 'DisableKey'))
        OR (starts_with(eventSource, 'logs.') AND eventName = 'DeleteLogGroup')
        -- The sources of these are not documented, or several.
        OR eventName IN (
            'EmailUpdated', 'StartPrimaryEmailUpdate', 'AcceptPrimaryEmailUpdate', 'CloseAccount',
            'PutAlternateContact', 'DeleteAlternateContact', 'PutContactInformation', 'SetContactAddress',
            'SetAdditionalContacts', 'SetSecurityQuestions'
        )
        OR starts_with(eventName, 'PasswordRecovery')
    UNION ALL
    -- Apart, so that nobody's parameters are read for it where there are no such calls. Root's are above.
    SELECT *
    FROM candidate_parts
    WHERE
        -- A range, which DuckDB applies before it reads other columns.
        eventName BETWEEN 'DeleteObject' AND 'DeleteObjects'
        AND starts_with(eventSource, 's3.')
        AND deletes_log_files(eventName, requestParameters)
        AND NOT coalesce(lower(userIdentity.type) = 'root', false)
        AND NOT coalesce(lower(userIdentity.sessionContext.sessionIssuer.type) = 'root', false)
) ANTI JOIN duplicates USING (logFile, logFileIndex);

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
-- (end of wanted_rows)

-- Candidates of one account that share an eventID: equal ones are not shown, so that these differ. Each gets a key of its
-- own, so that neither stands for the other.
CREATE TABLE collisions AS
WITH shared AS (
    SELECT
        recipientAccountId,
        eventKey
    FROM candidate_rows
    GROUP BY ALL
    HAVING count(*) > 1
)

SELECT
    logFile,
    logFileIndex,
    eventKey || '#' || left(sha256(to_json(struct_pack(*COLUMNS(row.* EXCLUDE (logFile, logFileIndex))))), 16) AS own_key
FROM candidate_rows AS row
SEMI JOIN shared
    ON row.eventKey = shared.eventKey
    AND row.recipientAccountId IS NOT DISTINCT FROM shared.recipientAccountId;

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

CREATE TABLE account_coverage AS
SELECT
    account_id,
    region,
    min(first_event_time) AS first_event_time,
    max(last_event_time) AS last_event_time
FROM coverage
GROUP BY ALL;

-- Member accounts may record an AssumeRoot session without `assumedRoot`; the key that was handed out tells.
CREATE TABLE assume_root_keys AS
SELECT DISTINCT field(responseElements, '$.credentials.accessKeyId') AS handed_out_key
FROM candidate_rows
WHERE
    starts_with(eventSource, 'sts.')
    AND eventName = 'AssumeRoot';


-- Normalised columns ---------------------------------------------------------------------------------------------------

-- In layers, each over the one before: aliases within one SELECT are copied in wherever they are used, and planning
-- that costs more than the work.
CREATE MACRO normalised(relation) AS TABLE
WITH named AS (
    SELECT
        raw.*,
        coalesce(own_key, eventKey) AS event_key,
        coalesce(own_key, eventKey) AS event_id,
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
            nullif(regexp_extract(userIdentity.arn, ':user/(?:.*/)?([^/]+)$', 1), '')
        ) AS actor_name,
        nullif(userIdentity.accessKeyId, '') AS access_key_id,
        nullif(userIdentity.invokedBy, '') AS invoked_by,
        nullif(userIdentity.sessionContext.sessionIssuer.type, '') AS session_issuer_type,
        nullif(userIdentity.sessionContext.sessionIssuer.arn, '') AS session_issuer,
        lower(logged(
            userIdentity.sessionContext.assumedRoot, extra, '$.userIdentity.sessionContext.assumedRoot'
        )) AS assumed_root,
        handed_out_key,
        field(requestParameters, 'serialNumber') AS mfa_serial,
        field(requestParameters, 'userName') AS parameters_user
    FROM query_table(relation) AS raw
    LEFT JOIN assume_root_keys ON handed_out_key = raw.userIdentity.accessKeyId
    LEFT JOIN collisions
        ON collisions.logFile = raw.logFile
        AND collisions.logFileIndex = raw.logFileIndex
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
    * EXCLUDE (handed_out_key, parameters_user, logged_trail, has_parameters, assumed_root),
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
    ) AS mfa_target_is_caller
FROM targeted;

CREATE TABLE candidates AS FROM normalised('candidate_rows');
DROP VIEW wanted_rows;
DROP TABLE candidate_rows;
CREATE VIEW all_events AS FROM normalised('events');

CREATE VIEW event_id_collisions AS
SELECT candidates.*
FROM candidates SEMI JOIN collisions USING (logFile, logFileIndex);


-- Coverage -------------------------------------------------------------------------------------------------------------

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


-- Root -----------------------------------------------------------------------------------------------------------------

CREATE VIEW direct_root_calls AS
FROM candidates
WHERE direct_root;

CREATE VIEW root_login_attempts AS
FROM direct_root_calls
WHERE
    service = 'signin'
    AND event_name = 'ConsoleLogin';

CREATE VIEW root_logins AS
FROM root_login_attempts
WHERE succeeded;

CREATE VIEW root_login_failures AS
FROM root_login_attempts
WHERE NOT succeeded;

-- Keys of root itself, made or armed again. Root making a key for alice names her.
CREATE VIEW root_access_key_creations AS
FROM candidates
WHERE
    is_root
    AND service = 'iam'
    AND succeeded
    AND (
        event_name = 'CreateAccessKey'
        OR (event_name = 'UpdateAccessKey' AND lower(field(requestParameters, 'status')) = 'active')
    )
    AND (
        field(requestParameters, 'userName') IS NULL
        OR coalesce(lower(field(responseElements, '$.accessKey.userName')) = 'root', false)
    );

-- Root's calls to AWS, without what signing in and recovering the account leave in the log.
CREATE VIEW root_api_calls AS
FROM direct_root_calls
WHERE NOT coalesce(
    (service = 'signin' AND event_name IN ('ConsoleLogin', 'CheckMfa', 'PasswordUpdated'))
    OR event_name = 'EmailUpdated'
    OR starts_with(event_name, 'PasswordRecovery'),
    false
);

-- Reads that give away secrets, or who and what is in the account.
CREATE VIEW root_sensitive_reads AS
FROM root_api_calls
WHERE
    NOT is_write
    AND succeeded
    AND (
        (service = 'secretsmanager' AND event_name IN ('GetSecretValue', 'BatchGetSecretValue'))
        OR (service = 'kms' AND event_name = 'Decrypt')
        OR (service = 'ec2' AND event_name = 'GetPasswordData')
        OR (service = 'ssm' AND starts_with(event_name, 'GetParameter'))
        OR (
            service = 'iam'
            AND event_name IN (
                'ListAccessKeys', 'GetCredentialReport', 'GetAccountAuthorizationDetails', 'ListUsers', 'ListRoles'
            )
        )
        OR (service = 'sts' AND event_name = 'GetCallerIdentity')
        OR (service = 's3' AND event_name = 'ListBuckets')
        OR (service = 'cloudtrail' AND event_name = 'LookupEvents')
    );


-- Credentials and sessions of root ------------------------------------------------------------------------------------

-- Of root itself: a call for an IAM user names the user.
CREATE VIEW root_signing_credential_creations AS
FROM candidates
WHERE
    is_root
    AND service = 'iam'
    AND event_name IN ('UploadSigningCertificate', 'UploadSSHPublicKey', 'CreateServiceSpecificCredential')
    AND succeeded
    AND (
        named_user IS NULL
        OR upper(named_user) = 'AWS ROOT USER'
    );

CREATE VIEW root_session_creations AS
FROM direct_root_calls
WHERE
    service = 'sts'
    AND event_name IN ('GetSessionToken', 'GetFederationToken')
    AND succeeded;

-- `aws login`: the browser's half and the command line's.
CREATE VIEW root_cli_sign_ins AS
FROM direct_root_calls
WHERE
    service = 'signin'
    AND event_name IN ('AuthorizeOAuth2Access', 'CreateOAuth2Token')
    AND succeeded;

CREATE VIEW root_console_sessions AS
FROM direct_root_calls
WHERE
    service = 'signin'
    AND event_name IN ('GetSigninToken', 'SwitchRole')
    AND succeeded;


-- Recovery of the account ---------------------------------------------------------------------------------------------

-- Only root has a password that AWS resets by e-mail. The source of these two is not documented.
CREATE VIEW password_recovery_requests AS
FROM candidates
WHERE event_name = 'PasswordRecoveryRequested';

CREATE VIEW password_recovery_completions AS
FROM candidates
WHERE
    event_name = 'PasswordRecoveryCompleted'
    AND succeeded;

CREATE VIEW root_password_changes AS
FROM candidates
WHERE
    is_root
    AND service = 'signin'
    AND event_name = 'PasswordUpdated'
    AND succeeded;

-- By root itself, or by the management account for a member (`target_account`).
CREATE VIEW root_email_changes AS
FROM candidates
WHERE
    succeeded
    AND (
        (is_root AND event_name = 'EmailUpdated')
        OR (service = 'account' AND event_name IN ('StartPrimaryEmailUpdate', 'AcceptPrimaryEmailUpdate'))
    );

-- After one of these somebody may hold root who did not before. `target_account` is whose root it is.
CREATE VIEW root_recoveries AS
FROM password_recovery_requests
WHERE succeeded
UNION ALL
FROM password_recovery_completions
UNION ALL
FROM root_password_changes
UNION ALL
FROM root_email_changes;

-- Two of the services that the account page has belonged to.
CREATE VIEW account_contact_changes AS
FROM candidates
WHERE
    service IN ('account', 'billingconsole')
    AND event_name IN (
        'PutAlternateContact', 'DeleteAlternateContact', 'PutContactInformation', 'SetContactAddress',
        'SetAdditionalContacts', 'SetSecurityQuestions'
    )
    AND succeeded;

-- Root's own password, which only AssumeRoot sessions can make and remove through IAM.
CREATE VIEW root_login_profile_changes AS
FROM candidates
WHERE
    is_root
    AND service = 'iam'
    AND event_name IN ('CreateLoginProfile', 'UpdateLoginProfile', 'DeleteLoginProfile')
    AND succeeded
    AND (
        named_user IS NULL
        OR upper(named_user) = 'AWS ROOT USER'
    );


-- MFA ------------------------------------------------------------------------------------------------------------------

CREATE VIEW mfa_deactivations AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'DeactivateMFADevice'
    AND succeeded;

CREATE VIEW mfa_activations AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'EnableMFADevice'
    AND succeeded;

CREATE VIEW root_mfa_deactivations AS
FROM mfa_deactivations
WHERE mfa_target_kind = 'root';

CREATE VIEW own_mfa_deactivations AS
FROM mfa_deactivations
WHERE mfa_target_is_caller;

-- A target that the record does not show is somebody's device all the same.
CREATE VIEW other_user_mfa_deactivations AS
FROM mfa_deactivations
WHERE
    mfa_target_kind <> 'root'
    AND NOT mfa_target_is_caller;

CREATE VIEW mfa_deactivation_denials AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'DeactivateMFADevice'
    AND is_permission_error;

CREATE VIEW root_mfa_activations AS
FROM mfa_activations
WHERE mfa_target_kind = 'root';

-- By a session that did not come from the console. Root's own device is reported as root's.
CREATE VIEW session_mfa_activations AS
FROM mfa_activations
WHERE
    mfa_target_kind <> 'root'
    AND starts_with(access_key_id, 'ASIA')
    AND NOT from_console
    AND root_origin <> 'assume_root';

CREATE VIEW user_deletions AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'DeleteUser'
    AND succeeded;


-- Centralised root access ---------------------------------------------------------------------------------------------

CREATE VIEW assume_root_calls AS
WITH read_out AS (
    SELECT
        *,
        field(requestParameters, 'targetPrincipal') AS target_principal,
        coalesce(field(requestParameters, '$.taskPolicyArn.arn'), field(requestParameters, 'taskPolicyArn')) AS task_policy
    FROM candidates
    WHERE
        service = 'sts'
        AND event_name = 'AssumeRoot'
        AND succeeded
)

SELECT
    *,
    -- The account's number, or an ARN of it.
    coalesce(
        nullif(regexp_extract(target_principal, '^arn:[^:]*:[^:]*:[^:]*:([0-9]+):', 1), ''), target_principal
    ) AS assumed_account,
    nullif(regexp_extract(task_policy, '[^/]+$'), '') AS task
FROM read_out;

CREATE VIEW centralized_root_changes AS
FROM candidates
WHERE
    succeeded
    AND (
        (
            service = 'iam'
            AND event_name IN (
                'EnableOrganizationsRootCredentialsManagement', 'DisableOrganizationsRootCredentialsManagement',
                'EnableOrganizationsRootSessions', 'DisableOrganizationsRootSessions'
            )
        )
        OR (
            service = 'organizations'
            AND event_name = 'RegisterDelegatedAdministrator'
            AND field(requestParameters, 'servicePrincipal') = 'iam.amazonaws.com'
        )
    );

-- An account leaves the organisation's sight, or is asked to and may not.
CREATE VIEW account_departures AS
FROM candidates
WHERE
    (
        (service = 'organizations' AND event_name IN ('LeaveOrganization', 'RemoveAccountFromOrganization', 'CloseAccount'))
        OR (service = 'account' AND event_name = 'CloseAccount')
    )
    AND (succeeded OR is_permission_error);


-- Habits of root ------------------------------------------------------------------------------------------------------

-- Root in use. Being asked for a code or for a new password is not: whoever knows the e-mail address gets that far.
CREATE VIEW root_uses AS
FROM direct_root_calls
WHERE
    succeeded
    AND NOT coalesce((service = 'signin' AND event_name = 'CheckMfa') OR starts_with(event_name, 'PasswordRecovery'), false);


-- The trail ------------------------------------------------------------------------------------------------------------

CREATE VIEW trail_stops AS
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN ('StopLogging', 'DeleteTrail', 'StopEventDataStoreIngestion', 'DeleteEventDataStore')
    AND succeeded;

-- From when to when a trail that was started again had been stopped, and by whom. `scan`, which passes over most events,
-- looks for what this caller did in that time. (Only calls of cloudtrail have a `trail_key`.)
CREATE VIEW trail_gaps AS
SELECT DISTINCT
    stop.event_time AS since,
    restart.event_time AS until,
    stop.caller
FROM trail_stops AS stop
INNER JOIN candidates AS restart USING (trail_key)
WHERE
    stop.event_name = 'StopLogging'
    AND restart.event_name = 'StartLogging'
    AND restart.succeeded
    AND restart.event_time BETWEEN stop.event_time AND stop.event_time + INTERVAL 48 HOUR
    AND stop.caller IS NOT NULL;

CREATE VIEW trail_tampering_denials AS
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN (
        'StopLogging', 'DeleteTrail', 'StopEventDataStoreIngestion', 'DeleteEventDataStore', 'UpdateTrail',
        'PutEventSelectors'
    )
    AND is_permission_error;

-- Calls that say how a trail or event data store is set up.
CREATE VIEW trail_set_ups AS
FROM candidates
WHERE
    service = 'cloudtrail'
    AND event_name IN ('CreateTrail', 'UpdateTrail', 'CreateEventDataStore', 'UpdateEventDataStore')
    AND succeeded;

-- The selectors that a trail was given, one row each. A trail logs what any one of them selects.
CREATE VIEW event_selectors AS
WITH calls AS (
    SELECT
        (logFile, logFileIndex) AS call,
        -- The answer repeats them, where the parameters were too large to be logged.
        CASE
            WHEN
                TRY(json_exists(requestParameters, '$.eventSelectors'))
                OR TRY(json_exists(requestParameters, '$.advancedEventSelectors'))
                THEN requestParameters
            ELSE responseElements
        END AS shown
    FROM candidates
    WHERE
        service = 'cloudtrail'
        AND event_name = 'PutEventSelectors'
        AND succeeded
),

basic AS (
    SELECT
        call,
        unnest(json_items(shown, '$.eventSelectors')) AS selector
    FROM calls
),

advanced AS (
    SELECT
        call,
        unnest(range(len(json_items(shown, '$.advancedEventSelectors')))) AS position,
        unnest(json_items(shown, '$.advancedEventSelectors')) AS selector
    FROM calls
),

conditions AS (
    SELECT
        call,
        position,
        unnest(json_items(selector, '$.fieldSelectors')) AS condition
    FROM advanced
),

read_out AS (
    SELECT
        call,
        position,
        field(condition, 'field') AS name,
        json_texts(condition, '$.equals') AS equal,
        json_texts(condition, '$.notEquals') AS not_equal,
        len(json_texts(condition, '$.startsWith')) + len(json_texts(condition, '$.notStartsWith'))
        + len(json_texts(condition, '$.endsWith')) + len(json_texts(condition, '$.notEndsWith')) AS other_tests
    FROM conditions
)

SELECT
    call,
    coalesce(lower(field(selector, 'includeManagementEvents')) <> 'false', true) AS selects_management,
    coalesce(lower(field(selector, 'readWriteType')) <> 'writeonly', true) AS selects_reads,
    coalesce(lower(field(selector, 'readWriteType')) <> 'readonly', true) AS selects_writes,
    json_texts(selector, '$.excludeManagementEventSources') AS excluded_sources
FROM basic
UNION ALL
SELECT
    call,
    -- All conditions of a selector hold at once. One that picks out a few events, by source or by name, is no
    -- selector of management events.
    bool_or(coalesce(name = 'eventCategory' AND list_contains(equal, 'Management'), false))
    AND NOT bool_or(
        CASE name
            WHEN 'eventCategory' THEN false
            WHEN 'readOnly' THEN false
            WHEN 'eventSource' THEN len(equal) + other_tests > 0
            ELSE true
        END
    ) AS selects_management,
    NOT bool_or(coalesce(name = 'readOnly' AND NOT list_contains(equal, 'true'), false)) AS selects_reads,
    NOT bool_or(coalesce(name = 'readOnly' AND NOT list_contains(equal, 'false'), false)) AS selects_writes,
    flatten(coalesce(list(not_equal) FILTER (WHERE name = 'eventSource'), [])) AS excluded_sources
FROM read_out
GROUP BY call, position;

-- Calls after which a trail's selectors together leave out management events.
CREATE VIEW event_selector_narrowings AS
WITH totals AS (
    SELECT
        call,
        count_if(selects_management AND selects_reads) AS read_selectors,
        count_if(selects_management AND selects_writes) AS write_selectors
    FROM event_selectors
    GROUP BY call
),

exclusions AS (
    SELECT
        call,
        selects_reads,
        selects_writes,
        unnest(list_distinct(excluded_sources)) AS source
    FROM event_selectors
    WHERE selects_management
),

-- A source is left out of the reads if each of the selectors of reads leaves it out, and there is one.
sources AS (
    SELECT
        call,
        source
    FROM exclusions
    INNER JOIN totals USING (call)
    GROUP BY call, source, read_selectors, write_selectors
    HAVING
        count_if(selects_reads) = nullif(read_selectors, 0)
        OR count_if(selects_writes) = nullif(write_selectors, 0)
),

gaps AS (
    SELECT
        call,
        read_selectors = 0 AS leaves_out_reads,
        write_selectors = 0 AS leaves_out_writes,
        coalesce(list(source ORDER BY source) FILTER (WHERE source IS NOT NULL), []) AS left_out_sources
    FROM totals
    LEFT JOIN sources USING (call)
    GROUP BY call, read_selectors, write_selectors
)

SELECT
    candidates.*,
    leaves_out_reads,
    leaves_out_writes,
    left_out_sources
FROM candidates
INNER JOIN gaps ON gaps.call = (candidates.logFile, candidates.logFileIndex)
WHERE
    leaves_out_reads
    OR leaves_out_writes
    OR len(left_out_sources) > 0;


-- What root_api_call leaves out ------------------------------------------------------------------------------------------

-- Events that a rule reports on that event alone. Each rule that does so adds the view it reads, and only then.
CREATE TABLE reported_alone AS
SELECT logFile, logFileIndex FROM root_access_key_creations
UNION ALL
SELECT logFile, logFileIndex FROM root_signing_credential_creations
UNION ALL
SELECT logFile, logFileIndex FROM root_session_creations
UNION ALL
SELECT logFile, logFileIndex FROM root_cli_sign_ins
UNION ALL
SELECT logFile, logFileIndex FROM root_console_sessions
UNION ALL
SELECT logFile, logFileIndex FROM root_password_changes
UNION ALL
SELECT logFile, logFileIndex FROM root_email_changes
UNION ALL
SELECT logFile, logFileIndex FROM account_contact_changes
UNION ALL
SELECT logFile, logFileIndex FROM root_login_profile_changes
UNION ALL
SELECT logFile, logFileIndex FROM root_mfa_deactivations
UNION ALL
SELECT logFile, logFileIndex FROM centralized_root_changes
UNION ALL
SELECT logFile, logFileIndex FROM account_departures
UNION ALL
SELECT logFile, logFileIndex FROM other_user_mfa_deactivations
UNION ALL
SELECT logFile, logFileIndex FROM root_mfa_activations
UNION ALL
SELECT logFile, logFileIndex FROM session_mfa_activations
UNION ALL
SELECT logFile, logFileIndex FROM trail_stops
UNION ALL
SELECT logFile, logFileIndex FROM event_selector_narrowings;


-- What root_call_denied and root_read_activity leave out --------------------------------------------------------------

-- Denied calls that a rule of their own reports. Each rule that does so adds the view it reads, as above.
CREATE VIEW denials_reported_alone AS
SELECT logFile, logFileIndex FROM mfa_deactivation_denials
UNION ALL
SELECT logFile, logFileIndex FROM trail_tampering_denials;

-- Calls that another rule about root reports, or that are among these, whatever came of them: root_api_call has the
-- writes that succeeded, root_call_denied the denials. Rules about how root is used (root_access_key_used,
-- root_first_use and the like) report beside.
CREATE VIEW root_calls_reported AS
SELECT logFile, logFileIndex FROM reported_alone
UNION ALL
SELECT logFile, logFileIndex FROM root_sensitive_reads
UNION ALL
SELECT logFile, logFileIndex FROM root_api_calls WHERE is_write AND succeeded
UNION ALL
SELECT logFile, logFileIndex FROM root_api_calls WHERE is_permission_error;
