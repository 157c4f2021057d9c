-- /// check
-- title = "Root's MFA is on"
-- label = "root MFA"
-- step = "3"
-- why = """
-- Whoever knows root's password owns the account, unless a second factor is asked for. AWS asks new accounts to set one
-- up, but lets sign-ins without one succeed for 35 days, and never asks for one where an access key is used: so only a
-- login shows that MFA is on. A device that was removed, or may have been, leaves the answer open: up to seven others may
-- remain.
-- """
-- known_as = ["CIS 1.5", "Security Hub IAM.9", "Prowler iam_root_mfa_enabled"]
-- over = "every"
-- words = {pass = "on", fail = "off"}
-- unseen = "no root login and no change of a root device seen"
-- silence = "no removal"
-- ask = "iam:GetAccountSummary"
-- next = "sign in as root, open Security credentials, and assign an MFA device"
-- ///

WITH sessions AS (
    SELECT
        *,
        CAST(TRY_CAST(userIdentity.sessionContext.attributes.creationDate AS TIMESTAMPTZ) AS TIMESTAMP) AS since
    FROM direct_root_calls
    WHERE
        service IS DISTINCT FROM 'signin'
        AND lower(userIdentity.sessionContext.attributes.mfaAuthenticated) = 'true'
)

SELECT
    account_id,
    event_time,
    '' AS subject,
    CASE mfa WHEN 'yes' THEN 'yes' ELSE 'no' END AS says,
    'console login ' || CASE mfa WHEN 'yes' THEN 'with MFA' ELSE 'without MFA' END
    || ' from ' || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM root_logins
WHERE mfa IN ('yes', 'no')
UNION ALL
-- The login may be missing: its session tells, and since when. Only "true" does; keys say "false" whatever is set up.
SELECT
    account_id,
    CASE WHEN since BETWEEN TIMESTAMP '2013-11-01' AND event_time THEN since ELSE event_time END AS event_time,
    '' AS subject,
    'yes' AS says,
    'session that began with MFA, from ' || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM sessions
UNION ALL
SELECT
    account_id,
    event_time,
    '' AS subject,
    CASE act WHEN 'enrolled' THEN 'yes' ELSE 'unsure' END AS says,
    coalesce(name, 'a device') || ' ' || act || ' from ' || source_ip
    || CASE act WHEN 'enrolled' THEN '' ELSE '; others may remain' END AS detail,
    event_id
FROM root_device_events
WHERE act IN ('enrolled', 'removed')
UNION ALL
SELECT
    account_id,
    event_time,
    '' AS subject,
    'unsure' AS says,
    detail || ' from ' || source_ip AS detail,
    event_id
FROM root_device_doubts
