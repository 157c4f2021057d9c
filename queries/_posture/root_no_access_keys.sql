-- /// check
-- title = "Root has no access keys"
-- label = "root keys"
-- step = "8"
-- why = """
-- An access key of root may do everything, from everywhere, and is never asked for MFA. Logs show that there is one when
-- it is made or used; that there is none they cannot show.
-- """
-- known_as = ["CIS 1.4", "Security Hub IAM.4", "Prowler iam_no_root_access_key"]
-- over = "every"
-- words = {pass = "none", fail = "present"}
-- unseen = "no key of root's seen"
-- ask = "iam:GetAccountSummary"
-- next = "sign in as root and delete the key under Security credentials"
-- ///

SELECT
    account_id,
    event_time,
    access_key_id AS subject,
    'no' AS says,
    'key ' || access_key_id || ' used from ' || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM direct_root_calls
WHERE root_origin = 'long_term_key'
UNION ALL
SELECT
    account_id,
    event_time,
    coalesce(
        field(responseElements, '$.accessKey.accessKeyId'), field(requestParameters, 'accessKeyId'), ''
    ) AS subject,
    'no' AS says,
    'key ' || coalesce(field(responseElements, '$.accessKey.accessKeyId'), field(requestParameters, 'accessKeyId'), '')
    || CASE event_name WHEN 'CreateAccessKey' THEN ' made from ' ELSE ' activated from ' END
    || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM root_access_key_creations
UNION ALL
SELECT
    account_id,
    event_time,
    coalesce(field(requestParameters, 'accessKeyId'), '') AS subject,
    CASE event_name WHEN 'DeleteAccessKey' THEN 'unsure' ELSE 'no' END AS says,
    'key ' || coalesce(field(requestParameters, 'accessKeyId'), '')
    || CASE event_name WHEN 'DeleteAccessKey' THEN ' deleted; others may remain' ELSE ' inactive, and still there' END
        AS detail,
    event_id
FROM candidates
WHERE
    is_root
    AND service = 'iam'
    AND succeeded
    AND named_user IS NULL
    AND (
        event_name = 'DeleteAccessKey'
        OR (event_name = 'UpdateAccessKey' AND lower(field(requestParameters, 'status')) = 'inactive')
    )
