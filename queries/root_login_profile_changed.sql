-- /// rule
-- title = "Root's password made or removed through IAM"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0003:T1098.001", "TA0004:T1548.005"]
-- description = """
-- In a session of root, mostly one made by AssumeRoot, root's own login profile (its password) was created, changed
-- or deleted. Creating one lets root of a member account sign in again. Medium for a deletion: that is what
-- centralised root access is for.
-- """
-- response = """
-- 1. Find the AssumeRoot call behind the session (assume_root) and ask its caller.
-- 2. If a password was made unexpectedly: delete it with a new AssumeRoot session, and look for root logins since.
-- 3. If one was deleted unexpectedly: the owner is locked out; recover root's password.
-- """
-- false_positives = ["Recovery of a locked account by the management account.", "Removal of root's credentials from member accounts."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html",
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html",
-- ]
-- monotone = true
-- reports_alone = "root_login_profile_changes"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'root''s own password in account ' || coalesce(account_id, 'unknown') || ' was '
    || CASE event_name
        WHEN 'CreateLoginProfile' THEN 'created'
        WHEN 'UpdateLoginProfile' THEN 'changed'
        ELSE 'deleted'
    END
    || ' through IAM from ' || coalesce(source_ip, 'an unknown address') AS summary,
    CASE event_name WHEN 'DeleteLoginProfile' THEN 'medium' ELSE 'critical' END AS severity,
    event_name,
    root_origin
FROM root_login_profile_changes
