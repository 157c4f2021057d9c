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
    account_of_principal(target_principal) AS assumed_account,
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
