-- A superset by cheap predicates; filtered first, then freed of duplicates. What rules need beyond it they
-- read from `all_events` and say so in their metadata.
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
) ANTI JOIN duplicates USING (logFile, logFileIndex)
