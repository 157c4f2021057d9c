-- /// rule
-- title = "Recovery of root's password requested"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0001:T1078.004"]
-- description = """
-- Somebody asked for an e-mail that resets the root user's password. It takes only the account's e-mail address to
-- ask; with root's mailbox it takes over the account. Medium when the request failed.
-- """
-- response = """
-- 1. Ask the account owner whether they asked for it.
-- 2. If not: secure root's mailbox first (password, MFA, forwarding rules), and do not use the link in the e-mail.
-- 3. Look for root_password_recovery_completed and root_login_after_recovery.
-- """
-- false_positives = ["The owner forgot the password.", "Strangers who mistype an e-mail address."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/reset-root-password.html"]
-- monotone = true
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'a new root password for account ' || coalesce(target_account, 'unknown') || ' was requested from '
    || coalesce(source_ip, 'an unknown address')
    || CASE WHEN succeeded THEN '' ELSE ', and refused' END AS summary,
    CASE WHEN succeeded THEN 'high' ELSE 'medium' END AS severity,
    target_account,
    error_message
FROM password_recovery_requests
