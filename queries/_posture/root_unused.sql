-- /// check
-- title = "Root was not used lately"
-- label = "root used"
-- step = "8"
-- why = """
-- Root cannot be disabled, so it should rest. Its password, its keys and its sessions count; what services and AssumeRoot
-- sessions of the management account do with root's name does not. That root was never used logs cannot show.
-- `--root-unused-days` says how long it has to rest.
-- """
-- known_as = ["CIS 1.7", "Prowler iam_avoid_root_usage"]
-- over = "every"
-- days = 90
-- fades_to = "unsure"
-- words = {pass = "no", fail = "yes"}
-- unseen = "no use seen"
-- ask = "iam:GetCredentialReport"
-- next = "give whoever used root a role of their own"
-- ///

SELECT
    account_id,
    event_time,
    CASE
        WHEN root_origin = 'long_term_key' THEN 'access key'
        WHEN root_origin = 'signin' THEN 'sign-in'
        WHEN root_origin = 'console' THEN 'console'
        ELSE 'session'
    END AS subject,
    'no' AS says,
    CASE
        WHEN root_origin = 'long_term_key' THEN 'access key: '
        WHEN root_origin = 'signin' THEN 'sign-in: '
        WHEN root_origin = 'console' THEN 'console: '
        ELSE 'session: '
    END || event_name || ' from ' || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM root_uses
