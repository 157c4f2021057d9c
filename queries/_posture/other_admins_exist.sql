-- /// check
-- title = "Others than root administer the account"
-- label = "other admins"
-- step = "8"
-- why = """
-- Root can rest only where others can do the work: people of IAM Identity Center, or roles, users and groups with
-- AdministratorAccess. An empty list of IAM users says nothing, for Identity Center and federation are not in it.
-- """
-- known_as = []
-- over = "some"
-- words = {pass = "yes", fail = "none"}
-- unseen = "nobody but root seen to administer"
-- silence = "no removal"
-- ask = "iam:ListEntitiesForPolicy"
-- next = "set up IAM Identity Center, with a permission set for administrators"
-- ///

WITH up_to AS (
    SELECT
        coalesce(nullif(userIdentity.accountId, ''), recipientAccountId) AS account_id,
        eventTime AS event_time,
        eventKey AS event_id,
        eventSource AS source,
        eventName AS name,
        errorCode AS error,
        requestParameters AS parameters,
        userIdentity.sessionContext.sessionIssuer.arn AS issuer
    FROM events
    WHERE
        eventTime <= $until
        AND (
            contains(userIdentity.sessionContext.sessionIssuer.arn, ':role/aws-reserved/sso.amazonaws.com/')
            OR regexp_full_match(eventName, '(Attach|Detach)(User|Role|Group)Policy')
        )
)

-- The last event of each: people work all day.
SELECT
    account_id,
    max(event_time) AS event_time,
    issuer AS subject,
    'yes' AS says,
    'Identity Center role ' || regexp_extract(issuer, '[^/]*$') || ' in use' AS detail,
    arg_max(event_id, event_time) AS event_id
FROM up_to
WHERE contains(issuer, ':role/aws-reserved/sso.amazonaws.com/')
GROUP BY ALL
UNION ALL
SELECT
    account_id,
    event_time,
    coalesce(
        field(parameters, 'userName'), field(parameters, 'roleName'), field(parameters, 'groupName'), ''
    ) AS subject,
    CASE WHEN starts_with(name, 'Attach') THEN 'yes' ELSE 'gone' END AS says,
    name || ' AdministratorAccess ' || coalesce(
        field(parameters, 'userName'), field(parameters, 'roleName'), field(parameters, 'groupName'), ''
    ) AS detail,
    event_id
FROM up_to
WHERE
    starts_with(source, 'iam.')
    AND regexp_full_match(name, '(Attach|Detach)(User|Role|Group)Policy')
    AND nullif(error, '') IS NULL
    AND regexp_full_match(field(parameters, 'policyArn'), 'arn:aws[a-z0-9-]*:iam::aws:policy/AdministratorAccess')
