-- /// rule
-- title = "Root made a console session in another way"
-- severity = "medium"
-- confidence = "medium"
-- attack = ["TA0008:T1021.007"]
-- description = """
-- The root user asked for a sign-in token, which turns credentials into a console session without a login, or
-- switched to a role in the console. Tools that intruders use to get from keys to the console do the former.
-- """
-- response = """
-- 1. Ask the account owner, and look at the user agent: a script or a browser?
-- 2. If unexpected: recover the account; the session lasts up to 12 hours.
-- 3. Follow the role that was switched to, if any, in its account.
-- """
-- false_positives = ["An owner of several accounts who switches roles from root, against AWS's advice."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-console.html",
-- ]
-- # A late AssumeRoot record can show that a session was not direct use of root.
-- monotone = false
-- reports_alone = "root_console_sessions"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'root of account ' || coalesce(account_id, 'unknown') || CASE event_name
        WHEN 'SwitchRole' THEN ' switched to role ' || coalesce(field(additionalEventData, 'SwitchTo'), 'unknown') || ' in the console'
        ELSE ' asked for a console sign-in token'
    END
    || ' from ' || coalesce(source_ip, 'an unknown address') AS summary,
    event_name,
    field(additionalEventData, 'SwitchTo') AS switched_to
FROM root_console_sessions
