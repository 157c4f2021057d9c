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
WHERE NOT is_sign_in_page_event(service, event_name);

-- Reads that give away secrets, or who and what is in the account.
CREATE MACRO is_sensitive_read(service, event_name) AS coalesce(
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
    OR (service = 'cloudtrail' AND event_name = 'LookupEvents'),
    false
);

CREATE VIEW root_sensitive_reads AS
FROM root_api_calls
WHERE
    NOT is_write
    AND succeeded
    AND is_sensitive_read(service, event_name);

-- Root in use. Being asked for a code or for a new password is not: whoever knows the e-mail address gets that far.
CREATE VIEW root_uses AS
FROM direct_root_calls
WHERE
    succeeded
    AND NOT coalesce((service = 'signin' AND event_name = 'CheckMfa') OR starts_with(event_name, 'PasswordRecovery'), false);
