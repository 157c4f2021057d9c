-- /// check
-- title = "Nobody recovered the account or changed its contacts for 90 days"
-- label = "recovery"
-- step = "6"
-- why = """
-- Who holds root's mailbox and telephone number can take root over without its device. Each password recovery and each
-- change of the e-mail address, the contacts or the password is to be answered for. That nothing was changed logs cannot
-- show; who reads the mailbox lies outside of AWS.
-- """
-- known_as = []
-- over = "every"
-- days = 90
-- fades_to = "unsure"
-- words = {pass = "quiet", fail = "changed"}
-- unseen = "no recovery and no change of contacts seen"
-- next = "ask the owner of the account about each change, by contact data that you knew before"
-- ///

WITH changes AS (
    SELECT * FROM root_recoveries
    UNION ALL
    SELECT * FROM account_contact_changes
    UNION ALL
    SELECT * FROM root_login_profile_changes WHERE event_name <> 'DeleteLoginProfile'
)

SELECT
    target_account AS account_id,
    event_time,
    event_name AS subject,
    'no' AS says,
    event_name || ' by ' || coalesce(actor_arn, 'somebody not signed in') || ' from '
    || coalesce(source_ip, 'an unknown address') AS detail,
    event_id
FROM changes
