-- Root's events, and those that opened the way to root, with the session that each belongs to.
WITH openings AS (
    SELECT logFile, logFileIndex FROM root_mfa_deactivations
    UNION
    SELECT logFile, logFileIndex FROM root_recoveries
    UNION
    SELECT logFile, logFileIndex FROM root_login_profile_changes WHERE event_name <> 'DeleteLoginProfile'
),

relevant AS (
    SELECT
        candidates.rowid AS row,
        event_id,
        event_time,
        root_session AS session,
        -- A recovery may be of another account's root than the caller's.
        CASE
            WHEN root_session IS NOT NULL THEN root_session ->> '$[1]'
            WHEN openings.logFile IS NOT NULL THEN target_account
            ELSE account_id
        END AS account,
        source_ip,
        is_root,
        openings.logFile IS NOT NULL AND succeeded AS is_opening,
        CASE
            WHEN NOT succeeded THEN 'refused'
            WHEN root_session IS NOT NULL AND NOT is_root THEN 'sign_in'
            WHEN
                service = 'signin'
                AND event_name IN (
                    'ConsoleLogin', 'CheckMfa', 'GetSigninToken', 'AuthorizeOAuth2Access', 'CreateOAuth2Token', 'SwitchRole'
                )
                THEN 'sign_in'
            -- Their names are those of reads.
            WHEN is_write OR (service = 'sts' AND event_name IN ('GetSessionToken', 'GetFederationToken')) THEN 'changed'
            ELSE 'read'
        END AS phase,
        -- On the way to root, and not yet there.
        root_session IS NULL AND (
            NOT is_root
            OR starts_with(event_name, 'PasswordRecovery')
            OR (service = 'signin' AND event_name IN ('ConsoleLogin', 'CheckMfa'))
        ) AS leads_to_root
    FROM candidates
    LEFT JOIN openings USING (logFile, logFileIndex)
    WHERE
        root_session IS NOT NULL
        OR openings.logFile IS NOT NULL
        OR starts_with(event_name, 'PasswordRecovery')
        OR (is_root AND root_origin NOT IN ('service_event', 'service'))
),

first_events AS (
    SELECT
        account,
        session,
        min(event_time) AS event_time
    FROM relevant
    WHERE starts_with(session, '["session"')
    GROUP BY account, session
),

-- Of several at one moment the same one in every run.
beginnings AS (
    SELECT
        account,
        event_time,
        min(session) AS session
    FROM first_events
    GROUP BY account, event_time
),

sightings AS (
    SELECT
        account,
        source_ip,
        event_time,
        min(session) AS session
    FROM relevant
    WHERE
        session IS NOT NULL
        AND is_root
        AND source_ip IS NOT NULL
    GROUP BY account, source_ip, event_time
),

placed AS (
    SELECT
        event.*,
        CASE
            WHEN beginning.event_time <= event.event_time + INTERVAL 72 HOUR THEN beginning.session
        END AS led_to,
        CASE
            WHEN
                earlier.event_time >= event.event_time - INTERVAL 15 MINUTE
                AND coalesce(event.event_time - earlier.event_time <= later.event_time - event.event_time, true)
                THEN earlier.session
            WHEN later.event_time <= event.event_time + INTERVAL 15 MINUTE THEN later.session
        END AS near
    FROM relevant AS event
    ASOF LEFT JOIN beginnings AS beginning
        ON event.account = beginning.account
        AND event.event_time <= beginning.event_time
    ASOF LEFT JOIN sightings AS earlier
        ON event.account = earlier.account
        AND event.source_ip = earlier.source_ip
        AND event.event_time >= earlier.event_time
    ASOF LEFT JOIN sightings AS later
        ON event.account = later.account
        AND event.source_ip = later.source_ip
        AND event.event_time <= later.event_time
    WHERE event.session IS NULL
)

SELECT
    row,
    event_id,
    event_time,
    session,
    phase,
    false AS is_probable,
    is_opening
FROM relevant
WHERE session IS NOT NULL
UNION ALL
SELECT
    row,
    event_id,
    event_time,
    CASE
        WHEN leads_to_root AND led_to IS NOT NULL THEN led_to
        WHEN is_root AND near IS NOT NULL THEN near
        WHEN is_opening AND led_to IS NOT NULL THEN led_to
        ELSE group_key(['loose', left(account, 64), day_of(event_time)])
    END AS session,
    CASE
        WHEN leads_to_root AND led_to IS NOT NULL THEN 'before'
        WHEN is_opening AND led_to IS NOT NULL AND NOT (is_root AND near IS NOT NULL) THEN 'before'
        ELSE phase
    END AS phase,
    is_root AND near IS NOT NULL AND NOT (leads_to_root AND led_to IS NOT NULL) AS is_probable,
    is_opening
FROM placed
