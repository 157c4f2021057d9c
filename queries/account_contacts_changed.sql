-- /// rule
-- title = "Account contacts or security questions changed"
-- severity = "medium"
-- confidence = "high"
-- attack = ["TA0003:T1098"]
-- description = """
-- Whom AWS calls, writes to and believes about the account was changed: alternate contacts, contact address,
-- security questions. An intruder who changes them gets AWS's warnings instead of the owner, and an easier recovery
-- of the account. High when root did it.
-- """
-- response = """
-- 1. Ask the owner of the account named as target, by the contact data that you knew before.
-- 2. If unexpected: set the contacts back, and look at everything else the caller did.
-- 3. If root did it: see root_email_changed and root_login_after_recovery too.
-- """
-- false_positives = ["Automation of the management account that sets the security contact of every member.", "The owner moves house."]
-- references = [
--     "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-update-contact.html",
--     "https://docs.aws.amazon.com/accounts/latest/reference/API_PutAlternateContact.html",
-- ]
-- monotone = true
-- reports_alone = "account_contact_changes"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(actor_arn, 'an unknown caller') || ' called ' || event_name
    || coalesce(' (' || field(requestParameters, 'alternateContactType') || ')', '')
    || ' for account ' || coalesce(target_account, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address') AS summary,
    CASE WHEN is_root THEN 'high' ELSE 'medium' END AS severity,
    event_name,
    target_account,
    field(requestParameters, 'alternateContactType') AS contact_type
FROM account_contact_changes
