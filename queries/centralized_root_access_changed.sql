-- /// rule
-- title = "Centralized root access switched on or off"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0004:T1548.005", "TA0005:T1484"]
-- description = """
-- The organisation's central management of root credentials or of root sessions was enabled or disabled, or an account
-- was made delegated administrator of IAM. Whoever may call AssumeRoot from there is root of every member account.
-- """
-- response = """
-- 1. Ask the owners of the management account whether the change was planned.
-- 2. If root sessions were enabled, or an administrator delegated: look for assume_root from that account.
-- 3. If unexpected: switch it back, deregister the administrator, look at what else the caller did.
-- 4. If central management was disabled: members can get root passwords again; watch root_password_recovery_requested.
-- """
-- false_positives = ["Introducing centralized root access."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html",
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOrganizationsRootSessions.html",
-- ]
-- monotone = true
-- reports_alone = "centralized_root_changes"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(actor_arn, 'an unknown caller') || CASE event_name
        WHEN 'EnableOrganizationsRootCredentialsManagement' THEN ' enabled central management of root credentials'
        WHEN 'DisableOrganizationsRootCredentialsManagement' THEN ' disabled central management of root credentials'
        WHEN 'EnableOrganizationsRootSessions' THEN ' enabled AssumeRoot sessions in member accounts'
        WHEN 'DisableOrganizationsRootSessions' THEN ' disabled AssumeRoot sessions in member accounts'
        ELSE
            ' made account ' || coalesce(field(requestParameters, 'accountId'), 'unknown')
            || ' delegated administrator of IAM'
    END || ', in account ' || coalesce(account_id, 'unknown') AS summary,
    event_name,
    field(requestParameters, 'accountId') AS delegated_account
FROM centralized_root_changes
