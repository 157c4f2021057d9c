-- /// rule
-- title = "Root login after failed ones"
-- severity = "critical"
-- confidence = "medium"
-- attack = ["TA0006:T1110.001", "TA0001:T1078.004"]
-- description = """
-- The root user signed in after three or more failures within the hour before, from whatever addresses, or after two
-- or more from the same address between one hour and three days before: somebody may have guessed the password, fast
-- or patiently. One typo is not counted. High when MFA was used. One alert for each login.
-- """
-- response = """
-- 1. Ask the account owner whether they signed in, and whether the failures were theirs.
-- 2. If not: recover the account through AWS Support, change the root password, delete root access keys.
-- 3. List what the session did: root_api_call and all events of this address since the login.
-- """
-- false_positives = ["The owner tries several passwords before the right one."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html",
-- ]
-- # A late AssumeRoot record can show that a session was no login by root.
-- monotone = false
-- ///

WITH counted AS (
    SELECT
        *,
        count(*) FILTER (NOT succeeded) OVER (
            PARTITION BY account_id
            ORDER BY event_time
            RANGE BETWEEN INTERVAL 60 MINUTE PRECEDING AND CURRENT ROW
        ) AS failures_within_hour,
        -- Unknown addresses are not one address.
        count(*) FILTER (NOT succeeded AND source_ip IS NOT NULL) OVER (
            PARTITION BY account_id, source_ip
            ORDER BY event_time
            RANGE BETWEEN INTERVAL 72 HOUR PRECEDING AND INTERVAL 60 MINUTE PRECEDING
        ) AS earlier_failures_of_address
    FROM root_login_attempts
),

logins AS (
    SELECT
        *,
        day_of(event_time) AS login_date
    FROM counted
    WHERE
        succeeded
        AND (failures_within_hour >= 3 OR earlier_failures_of_address >= 2)
),

-- 72 hours touch four dates. Joined by date first, many logins and many failures are no product.
failures AS (
    SELECT
        *,
        day_of(event_time + to_days(unnest(range(4)))) AS login_date
    FROM root_login_failures
)

SELECT
    login.account_id,
    min(failure.event_time) AS event_time,
    login.event_time AS last_event_time,
    1 + count(*) AS event_count,
    [login.event_id] || list(failure.event_id) AS event_ids,
    login.event_id AS subject_event_id,
    login.event_id AS dedup_key,
    'root signed in to the console of account ' || coalesce(login.account_id, 'unknown') || ' from '
    || coalesce(login.source_ip, 'an unknown address') || ' after ' || count(*) || ' failed attempts' AS summary,
    CASE WHEN login.mfa = 'yes' THEN 'high' ELSE 'critical' END AS severity,
    login.failures_within_hour,
    login.earlier_failures_of_address,
    list_sort(list(DISTINCT failure.source_ip))[:20] AS failure_source_ips
FROM logins AS login JOIN failures AS failure
    ON
        failure.login_date = login.login_date
        AND failure.account_id IS NOT DISTINCT FROM login.account_id
        AND failure.event_time <= login.event_time
        AND (
            failure.event_time >= login.event_time - INTERVAL 60 MINUTE
            OR (failure.source_ip = login.source_ip AND failure.event_time >= login.event_time - INTERVAL 72 HOUR)
        )
GROUP BY
    login.account_id, login.event_time, login.event_id, login.source_ip, login.mfa,
    login.failures_within_hour, login.earlier_failures_of_address
