-- /// check
-- title = "The account has a security contact"
-- label = "security contact"
-- step = "6"
-- why = """
-- AWS writes to this address when it sees a key of the account where it should not be. Without one it writes to root's
-- mailbox, which few read.
-- """
-- known_as = ["CIS 1.2", "Security Hub Account.1", "Prowler account_security_contact_information_is_registered"]
-- over = "every"
-- words = {pass = "set", fail = "none"}
-- unseen = "no change of the security contact seen"
-- silence = "no removal"
-- ask = "account:GetAlternateContact"
-- next = "set the security contact on the account page"
-- ///

SELECT
    target_account AS account_id,
    event_time,
    '' AS subject,
    CASE event_name WHEN 'PutAlternateContact' THEN 'yes' ELSE 'no' END AS says,
    CASE event_name WHEN 'PutAlternateContact' THEN 'set by ' ELSE 'removed by ' END
    || coalesce(actor_arn, 'an unknown caller') AS detail,
    event_id
FROM account_contact_changes
WHERE upper(field(requestParameters, 'alternateContactType')) = 'SECURITY'
