-- /// rule
-- title = "Root login without MFA after its MFA device was removed"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0003:T1556.006", "TA0006:T1556.006", "TA0001:T1078.004"]
-- description = """
-- Within 72 hours after an MFA device of root was deactivated, and with no device registered since, root signed in
-- to the console without MFA, or without a record of it. Removing the device first is how an intruder comes back
-- with the password alone. One alert for each login.
-- """
-- response = """
-- 1. Ask the account owner about both: the deactivation and the login.
-- 2. If either was not theirs: recover the account through AWS Support or with centralised root access, change root's
--    password, and delete root's access keys.
-- 3. Compare the addresses of the two, and list what the login's session did (root_api_call, root_sensitive_read).
-- 4. Register MFA for root before anything else is tidied up.
-- """
-- false_positives = ["An owner who lost the device, removed it and has not registered another."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/enable-mfa-for-root.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
-- ]
-- # A late record of a new device, or of the AssumeRoot call behind the session, takes the finding back.
-- monotone = false
-- ///

WITH devices AS (
    SELECT
        account_id,
        event_time,
        event_id,
        actor_arn,
        true AS is_removal
    FROM root_mfa_deactivations
    UNION ALL
    SELECT
        account_id,
        event_time,
        event_id,
        actor_arn,
        false AS is_removal
    FROM root_mfa_activations
),

openings AS (
    SELECT
        *,
        min(event_time) FILTER (WHERE NOT is_removal) OVER (
            PARTITION BY account_id
            ORDER BY event_time
            RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS closed_at
    FROM devices
),

removals AS (
    SELECT
        (login.logFile, login.logFileIndex) AS login,
        min(opening.event_time) AS removed_at,
        count(*) AS removal_count,
        -- An alert names a hundred events at most.
        arg_max(opening.event_id, (opening.event_time, opening.event_id), 50) AS removal_ids,
        list_sort(list(DISTINCT opening.actor_arn))[:20] AS removed_by
    FROM root_logins AS login
    INNER JOIN openings AS opening
        ON
            opening.account_id IS NOT DISTINCT FROM login.account_id
            AND login.event_time BETWEEN opening.event_time AND opening.event_time + INTERVAL 72 HOUR
    WHERE
        login.mfa <> 'yes'
        -- Not after a device was registered. The registrations themselves are closed from their own second on.
        AND coalesce(login.event_time < opening.closed_at, true)
    GROUP BY (login.logFile, login.logFileIndex)
)

SELECT
    account_id,
    removed_at AS event_time,
    event_time AS last_event_time,
    removal_count + 1 AS event_count,
    list_append(removal_ids, event_id) AS event_ids,
    event_id AS subject_event_id,
    event_id AS dedup_key,
    'root signed in to account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address')
    || CASE mfa WHEN 'no' THEN ' without MFA' ELSE ' with nothing said of MFA' END
    || ', after an MFA device of root was deactivated at ' || strftime(removed_at, '%Y-%m-%d %H:%M:%S') || ' UTC' AS summary,
    mfa AS login_mfa,
    removed_at,
    removed_by
FROM root_logins
INNER JOIN removals ON removals.login = (root_logins.logFile, root_logins.logFileIndex)
