-- /// rule
-- title = "Root's password recovered"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0003:T1098", "TA0001:T1078.004"]
-- description = """
-- The root user's password was replaced through its mailbox, without knowing the old one. Whoever reads that mailbox
-- holds the account, and the owner is locked out.
-- """
-- response = """
-- 1. Call the account owner now.
-- 2. If it was not them: secure root's mailbox, recover the password once more, end root's sessions through AWS Support.
-- 3. Look for root_login_after_recovery, root_mfa_registered and root_email_changed, and undo them.
-- """
-- false_positives = ["The owner forgot the password and recovered it."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/reset-root-password.html"]
-- monotone = true
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'the root password of account ' || coalesce(target_account, 'unknown')
    || ' was replaced through its mailbox, from ' || coalesce(source_ip, 'an unknown address') AS summary,
    target_account
FROM password_recovery_completions
