-- /// rule
-- title = "Root signed in and made ways to come back"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0003:T1098.001", "TA0003:T1098.003", "TA0003:T1136.003", "TA0001:T1078.004"]
-- description = """
-- Within 60 minutes of a console login, root did at least two kinds of things that outlast the session: a user, an
-- access key, rights for a user, a console password, a role or whom it trusts, servers. One alert for each login.
-- """
-- response = """
-- 1. Ask the account owner at once whether they are setting up the account.
-- 2. If not: recover the account, rotate the root password, end its sessions, delete root access keys.
-- 3. Remove what was made, as listed in the context; deactivate keys before deleting them. Stop the servers, keep
--    their disks.
-- 4. Look for what the new users and roles did since.
-- """
-- false_positives = ["First set-up of a new account.", "Restoring access for locked-out administrators."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html"]
-- # A late AssumeRoot record can show that what was done was not done by root itself.
-- monotone = false
-- ///

WITH footholds AS (
    SELECT
        *,
        coalesce(field(requestParameters, 'userName'), field(requestParameters, 'roleName')) AS user_or_role
    FROM direct_root_calls
    WHERE
        succeeded
        AND (
            (
                service = 'iam'
                AND event_name IN (
                    'CreateUser', 'CreateAccessKey', 'AttachUserPolicy', 'PutUserPolicy', 'CreateLoginProfile',
                    'CreateRole', 'UpdateAssumeRolePolicy'
                )
            )
            OR (service = 'ec2' AND event_name = 'RunInstances')
        )
),

-- A script can make thousands of users in the hour: the first of each kind of call stand for them.
calls AS (
    SELECT
        login.account_id,
        login.event_id,
        login.event_time,
        login.source_ip,
        foothold.event_name,
        count(*) AS event_count,
        max(foothold.event_time) AS last_event_time,
        arg_min(foothold.event_id, (foothold.event_time, foothold.event_id), 10) AS event_ids,
        arg_min(foothold.user_or_role, (foothold.event_time, foothold.event_id), 10) AS users_and_roles
    FROM root_logins AS login
    JOIN footholds AS foothold
        ON
            foothold.account_id IS NOT DISTINCT FROM login.account_id
            AND foothold.event_time BETWEEN login.event_time AND login.event_time + INTERVAL 60 MINUTE
    GROUP BY login.account_id, login.event_id, login.event_time, login.source_ip, foothold.event_name
)

SELECT
    account_id,
    event_time,
    max(last_event_time) AS last_event_time,
    1 + sum(event_count) AS event_count,
    [event_id] || flatten(list(event_ids)) AS event_ids,
    event_id AS subject_event_id,
    event_id AS dedup_key,
    'root signed in to account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address') || ' and within 60 minutes called '
    || string_agg(event_name, ', ' ORDER BY event_name) AS summary,
    list_sort(list(event_name)) AS calls,
    list_sort(list_distinct(flatten(list(users_and_roles)))) AS users_and_roles
FROM calls
GROUP BY account_id, event_id, event_time, source_ip
-- Rights for a user are one thing, attached to the user or written into it.
HAVING count(DISTINCT CASE event_name WHEN 'PutUserPolicy' THEN 'AttachUserPolicy' ELSE event_name END) >= 2
