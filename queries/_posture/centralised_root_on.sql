-- /// check
-- title = "The organisation manages root centrally"
-- label = "centralised root"
-- step = "8"
-- why = """
-- With both features on, root of a member account needs no credentials: the management account does what only root may,
-- in short sessions of AssumeRoot. Only the account that switches them, or uses them, has this in its logs.
-- """
-- known_as = []
-- over = "every"
-- least = 2
-- words = {pass = "on", fail = "off"}
-- unseen = "neither switched nor used here"
-- silence = "no switching off"
-- ask = "iam:ListOrganizationsFeatures"
-- next = "in the management account open Root access management in IAM, and enable both features"
-- ///

SELECT
    account_id,
    event_time,
    regexp_extract(event_name, '^(?:Enable|Disable)Organizations(.*)$', 1) AS subject,
    CASE WHEN starts_with(event_name, 'Enable') THEN 'yes' ELSE 'no' END AS says,
    regexp_extract(event_name, '^(?:Enable|Disable)Organizations(.*)$', 1)
    || CASE WHEN starts_with(event_name, 'Enable') THEN ' on' ELSE ' off' END AS detail,
    event_id
FROM centralized_root_changes
WHERE service = 'iam'
UNION ALL
SELECT
    account_id,
    event_time,
    CASE WHEN starts_with(task, 'IAM') THEN 'RootCredentialsManagement' ELSE 'RootSessions' END AS subject,
    'yes' AS says,
    CASE WHEN starts_with(task, 'IAM') THEN 'RootCredentialsManagement' ELSE 'RootSessions' END || ' used (' || task || ')'
        AS detail,
    event_id
FROM assume_root_calls
WHERE
    task IN (
        'IAMAuditRootUserCredentials', 'IAMCreateRootUserPassword', 'IAMDeleteRootUserCredentials',
        'S3UnlockBucketPolicy', 'SQSUnlockQueuePolicy'
    )
