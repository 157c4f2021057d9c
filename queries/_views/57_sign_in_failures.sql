-- The challenge comes after the password.
CREATE VIEW root_mfa_challenge_failures AS
FROM root_login_failures
WHERE mfa = 'yes';

-- Five or more failed logins of an account within 15 minutes, and the hours in which the fifth or a later one fell.
CREATE VIEW root_login_guesses AS
WITH counted AS (
    SELECT
        *,
        count(*) OVER (
            PARTITION BY account_id
            ORDER BY event_time
            RANGE BETWEEN INTERVAL 15 MINUTE PRECEDING AND CURRENT ROW
        ) >= 5 AS triggers
    FROM root_login_failures
)

-- A failure belongs to each hour that has a trigger in the 15 minutes after it: two at most.
SELECT
    *,
    unnest(list_distinct([
        hour_of(min(event_time) FILTER (triggers) OVER ahead),
        hour_of(max(event_time) FILTER (triggers) OVER ahead)
    ])) AS trigger_hour
FROM counted
WINDOW ahead AS (
    PARTITION BY account_id
    ORDER BY event_time
    RANGE BETWEEN CURRENT ROW AND INTERVAL 15 MINUTE FOLLOWING
);

-- Failed logins from one address to three or more accounts within an hour. Unknown addresses are not one address.
CREATE VIEW root_login_sprays AS
WITH counted AS (
    SELECT
        *,
        count(DISTINCT account_id) OVER (
            PARTITION BY source_ip
            ORDER BY event_time
            RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW
        ) AS accounts_so_far
    FROM root_login_failures
    WHERE source_ip IS NOT NULL
)

-- The earlier failures of a spray belong to it too.
SELECT
    *,
    max(accounts_so_far) OVER (
        PARTITION BY source_ip
        ORDER BY event_time
        RANGE BETWEEN CURRENT ROW AND INTERVAL 1 HOUR FOLLOWING
    ) AS accounts_within_hour
FROM counted
QUALIFY accounts_within_hour >= 3;
