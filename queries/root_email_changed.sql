-- /// rule
-- title = "Root's e-mail address changed"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0003:T1098", "TA0040:T1531"]
-- description = """
-- The e-mail address of the root user was changed, by root itself or by the management account for a member; high
-- when the change was only started. Whoever reads the new mailbox can reset root's password and pass as the owner.
-- """
-- response = """
-- 1. Call the owner of the account named as target.
-- 2. If it was not them: change the address back from the management account, or through AWS Support.
-- 3. Secure the old mailbox, and look for root_password_recovery_completed and root_login_after_recovery.
-- """
-- false_positives = ["A planned move to another mailbox.", "Clean-up of addresses by the management account."]
-- references = [
--     "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-update-root-user-email.html",
--     "https://docs.aws.amazon.com/accounts/latest/reference/API_AcceptPrimaryEmailUpdate.html",
-- ]
-- monotone = true
-- reports_alone = "root_email_changes"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(actor_arn, 'an unknown caller')
    || CASE event_name WHEN 'StartPrimaryEmailUpdate' THEN ' started to change' ELSE ' changed' END
    || ' the e-mail address of root of account ' || coalesce(target_account, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address') AS summary,
    CASE event_name WHEN 'StartPrimaryEmailUpdate' THEN 'high' ELSE 'critical' END AS severity,
    event_name,
    target_account
FROM root_email_changes
