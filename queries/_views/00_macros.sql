-- Words that the views, rules and people's own queries use. They need no events, and are always there.


-- Reading JSON ------------------------------------------------------------------------------------------------------

-- One value of JSON text that may be hostile: not JSON, a lone surrogate, no object. '' is NULL like absence.
CREATE MACRO field(document, key) AS nullif(TRY(document ->> key), '');

-- A document that a pipeline has written as text into a string: what the string holds. One such layer is taken off.
CREATE MACRO unquoted(document) AS CASE WHEN starts_with(document, '"') THEN field(document, '$') ELSE document END;

-- A column's value or, where its type or form did not fit the column, what was kept of it in `extra`.
CREATE MACRO logged(value, extra, path) AS coalesce(nullif(value, ''), nullif(TRY(extra ->> path), ''));

-- The members of a list in JSON text, whose only member may stand there without the list.
CREATE MACRO json_items(document, path) AS CASE coalesce(TRY(json_type(document, path)), 'NULL')
    WHEN 'NULL' THEN []
    WHEN 'ARRAY' THEN TRY(json_extract(document, path || '[*]'))
    ELSE [TRY(json_extract(document, path))]
END;
CREATE MACRO json_texts(document, path) AS CASE coalesce(TRY(json_type(document, path)), 'NULL')
    WHEN 'NULL' THEN []
    WHEN 'ARRAY' THEN TRY(json_extract_string(document, path || '[*]'))
    ELSE [TRY(json_extract_string(document, path))]
END;

-- A dedup_key of several values: unambiguous, and never NULL because one of them is.
CREATE MACRO group_key(key_parts) AS CAST(to_json(key_parts) AS VARCHAR);
-- The id of the story that a session of root is told as, as alerts name it; of `root_session`.
CREATE MACRO story_id(session) AS left(sha256(session), 16);
-- In UTC, like all times. (Not called utc_date: tools that read SQL know a function of that name.)
CREATE MACRO hour_of(moment) AS strftime(moment, '%Y-%m-%dT%H');
CREATE MACRO day_of(moment) AS strftime(moment, '%Y-%m-%d');
CREATE MACRO second_of(moment) AS strftime(moment, '%Y-%m-%dT%H:%M:%SZ');


-- Words ----------------------------------------------------------------------------------------------------------------

CREATE MACRO is_service_name(name) AS coalesce(regexp_full_match(name, '[a-z0-9.-]+\.amazonaws\.(com|com\.cn|cn|eu)'), false);
CREATE MACRO is_signin_name(name) AS coalesce(regexp_full_match(name, 'signin\.amazonaws\.(com|com\.cn|cn|eu)'), false);
-- Whatever stands for the account: its number is the first thing that people make unreadable.
CREATE MACRO is_root_arn(arn) AS coalesce(regexp_full_match(arn, 'arn:aws[a-z0-9-]*:iam::[^:/]*:root'), false);

CREATE MACRO is_uuid(text) AS coalesce(regexp_full_match(
    text, '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'
), false);

-- An account's number, or an ARN of it, as AssumeRoot names whose root it is to be.
CREATE MACRO account_of_principal(principal) AS coalesce(
    nullif(regexp_extract(principal, '^arn:[^:]*:[^:]*:[^:]*:([0-9]+):', 1), ''), principal
);

CREATE MACRO is_permission_error_code(code) AS coalesce(code IN (
    'AccessDenied',
    'AccessDeniedException',
    'UnauthorizedOperation',
    'Client.UnauthorizedOperation',
    'UnauthorizedAccess',
    'NotAuthorized',
    'VpceAccessDenied',
    'NotOrganizationMasterAccountException'
), false);

-- What a call is about, in a word for people: the first thing that it names.
CREATE MACRO target_of(parameters, answer) AS coalesce(
    field(answer, '$.accessKey.accessKeyId'),
    field(answer, '$.credentials.accessKeyId'),
    field(parameters, 'userName'),
    field(parameters, 'roleName'),
    field(parameters, 'groupName'),
    field(parameters, 'serialNumber'),
    field(parameters, 'accessKeyId'),
    field(parameters, 'policyArn'),
    field(parameters, 'policyName'),
    field(parameters, 'bucketName'),
    field(parameters, 'secretId'),
    field(parameters, 'keyId'),
    field(parameters, 'trailName'),
    field(parameters, 'targetPrincipal'),
    field(parameters, 'instanceType'),
    field(parameters, 'name'),
    field(parameters, 'resourceArn')
);

-- Some of them are logged in brackets. Trimmed only then: it costs as much as all else that is asked of a user agent.
CREATE MACRO is_console_user_agent(user_agent) AS coalesce(CASE
    WHEN starts_with(user_agent, '[') OR ends_with(user_agent, ']') THEN trim(user_agent, '[]')
    ELSE user_agent
END IN (
    'console.amazonaws.com',
    'console.amazonaws.com.cn',
    'signin.amazonaws.com',
    'signin.amazonaws.com.cn',
    'Coral/Netty4',
    'AWS Internal'
), false);

-- Only where the record does not say readOnly itself.
CREATE MACRO is_read_verb(event_name) AS coalesce(regexp_matches(
    event_name,
    '^(Get|List|Describe|Head|Lookup|BatchGet|BatchDescribe|Search|Query|Scan|Select|Simulate|View|Decrypt)([A-Z0-9]|$)'
), false);

-- What signing in and recovering an account leave in the log, which are no calls to AWS.
CREATE MACRO is_sign_in_page_event(service, event_name) AS coalesce(
    (service = 'signin' AND event_name IN ('ConsoleLogin', 'CheckMfa', 'PasswordUpdated'))
    OR event_name = 'EmailUpdated'
    OR starts_with(event_name, 'PasswordRecovery'),
    false
);

-- The region in which a partition records IAM and global sign-in events.
CREATE MACRO is_sign_in_region(region) AS coalesce(region IN (
    'us-east-1', 'cn-north-1', 'us-gov-west-1', 'us-iso-east-1', 'us-isob-east-1', 'us-isof-south-1', 'eu-isoe-west-1',
    'eusc-de-east-1'
), false);

CREATE MACRO partition_of(region) AS CASE
    WHEN starts_with(region, 'cn-') THEN 'aws-cn'
    WHEN starts_with(region, 'us-gov-') THEN 'aws-us-gov'
    WHEN starts_with(region, 'us-iso-') THEN 'aws-iso'
    WHEN starts_with(region, 'us-isob-') THEN 'aws-iso-b'
    WHEN starts_with(region, 'us-isof-') THEN 'aws-iso-f'
    WHEN starts_with(region, 'eu-isoe-') THEN 'aws-iso-e'
    WHEN starts_with(region, 'eusc-') THEN 'aws-eusc'
    ELSE 'aws'
END;

-- The key's ARN, as the answers of calls have it; calls may have its id alone.
CREATE MACRO kms_key_arn(key_id, region, account) AS CASE
    WHEN starts_with(key_id, 'arn:') THEN key_id
    ELSE 'arn:' || partition_of(region) || ':kms:' || region || ':' || account || ':key/' || key_id
END;

-- S3 data events. CloudTrail does not list what a call of many deletes; where a record does, it must be log files.
CREATE MACRO deletes_log_files(event_name, parameters) AS CASE event_name
    WHEN 'DeleteObject' THEN regexp_matches(field(parameters, 'key'), '(^|/)AWSLogs/')
    -- As JSON writes it shortest: in a log a slash may be escaped.
    WHEN 'DeleteObjects' THEN
        NOT regexp_matches(parameters, '"[Kk]ey" *:')
        OR contains(coalesce(CAST(TRY(json(parameters)) AS VARCHAR), parameters), 'AWSLogs/')
    ELSE false
END;
