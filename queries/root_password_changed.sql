-- /// rule
-- title = "Root's password changed"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0003:T1098"]
-- description = """
-- The root user changed its own password. After an unexpected login this locks the owner out.
-- """
-- response = """
-- 1. Ask the account owner whether they changed it.
-- 2. If not: recover the password through root's mailbox, then end root's sessions through AWS Support.
-- 3. Look at the logins before (root_console_login and its kin) and at what root did since.
-- """
-- false_positives = ["A planned change of the password."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-password.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
-- ]
-- monotone = true
-- reports_alone = "root_password_changes"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'the root password of account ' || coalesce(account_id, 'unknown') || ' was changed from '
    || coalesce(source_ip, 'an unknown address') AS summary
FROM root_password_changes
