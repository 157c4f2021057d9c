-- /// check
-- title = "A member account's root has no credentials"
-- label = "root put away"
-- step = "8"
-- why = """
-- Root cannot be disabled, but where the organisation manages root centrally a member account's root need not have a
-- password, keys, certificates or devices. The management account keeps its own. Logs show removals and what came back,
-- never that nothing is left.
-- """
-- known_as = []
-- over = "every"
-- words = {pass = "removed", fail = "came back"}
-- unseen = "no removal of root's credentials seen"
-- ask = "iam:GetAccountSummary"
-- next = "delete root's credentials from the management account, under Root access management"
-- ///

WITH removals AS (
    SELECT *
    FROM candidates
    WHERE
        root_origin = 'assume_root'
        AND service = 'iam'
        AND succeeded
        AND event_name IN ('DeleteLoginProfile', 'DeleteAccessKey', 'DeactivateMFADevice', 'DeleteSigningCertificate')
)

SELECT
    account_id,
    event_time,
    '' AS subject,
    'unsure' AS says,
    event_name || ' in an AssumeRoot session from ' || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM removals
UNION ALL
-- An error of a read is a fact: there is no password.
SELECT
    account_id,
    event_time,
    '' AS subject,
    'unsure' AS says,
    'root had no password, as GetLoginProfile from ' || coalesce(source_ip, 'an unknown address') || ' found' AS detail,
    event_id
FROM candidates
WHERE
    is_root
    AND service = 'iam'
    AND event_name = 'GetLoginProfile'
    AND error_code IN ('NoSuchEntity', 'NoSuchEntityException')
    AND named_user IS NULL
UNION ALL
SELECT
    account_id,
    event_time,
    '' AS subject,
    'no' AS says,
    'root got a password from ' || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM root_login_profile_changes
WHERE event_name = 'CreateLoginProfile'
UNION ALL
SELECT
    login.account_id,
    login.event_time,
    '' AS subject,
    'no' AS says,
    'root signed in again from ' || coalesce(login.source_ip, 'an unknown address') AS detail,
    login.event_id
FROM root_logins AS login
WHERE EXISTS (
    SELECT 1
    FROM removals
    WHERE
        removals.account_id = login.account_id
        AND removals.event_time < login.event_time
)
