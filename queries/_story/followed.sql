-- What the things that root made did. A key's calls are the key's, and not its user's; those of a federated session are of
-- the user whose key asked for it.
WITH made AS (
    SELECT
        session,
        kind,
        name,
        account_id AS account,
        event_id AS made_by,
        event_time AS made_at
    FROM story_made
),

keys AS (FROM made WHERE kind IN ('key', 'session')),
users AS (FROM made WHERE kind = 'user'),
roles AS (FROM made WHERE kind = 'role'),
passwords AS (FROM made WHERE kind = 'password'),

acts AS (
    SELECT
        *,
        CASE WHEN lower(actor_type) = 'iamuser' THEN actor_name END AS user_name,
        coalesce(user_name, nullif(regexp_extract(session_issuer, ':user/(?:.*/)?([^/]+)$', 1), '')) AS acting_user,
        CASE WHEN lower(session_issuer_type) = 'role' THEN
            regexp_extract(session_issuer, ':role/(?:.*/)?([^/]+)$', 1)
        END AS role_name
    FROM all_events
    WHERE
        NOT is_superseded
        AND NOT is_root
        AND (
            access_key_id IN (SELECT name FROM keys)
            OR (
                lower(actor_type) = 'iamuser'
                AND actor_name IN (SELECT name FROM users UNION ALL SELECT name FROM passwords)
            )
            OR regexp_extract(session_issuer, ':user/(?:.*/)?([^/]+)$', 1) IN (SELECT name FROM users)
            OR regexp_extract(session_issuer, ':role/(?:.*/)?([^/]+)$', 1) IN (SELECT name FROM roles)
        )
),

matched AS (
    SELECT
        acts.*,
        coalesce(keys.made_by, users.made_by, roles.made_by, passwords.made_by) AS made_by,
        coalesce(keys.name, users.name, roles.name, passwords.name) AS made_name,
        coalesce(keys.session, users.session, roles.session, passwords.session) AS session,
        (CASE WHEN acts.event_id IN (SELECT unnest($named)) THEN '0' ELSE '1' END)
        || (CASE WHEN NOT succeeded THEN '1' WHEN is_write THEN '0' ELSE '2' END)
        || CAST(event_time AS VARCHAR) || acts.event_id AS rank
    FROM acts
    LEFT JOIN keys
        ON keys.name = acts.access_key_id
        AND keys.account = acts.account_id
        AND keys.made_at <= acts.event_time
    LEFT JOIN users
        ON users.name = acting_user
        AND users.account = acts.account_id
        AND users.made_at <= acts.event_time
    LEFT JOIN roles
        ON roles.name = role_name
        AND roles.account = acts.account_id
        AND roles.made_at <= acts.event_time
    LEFT JOIN passwords
        ON passwords.name = user_name
        AND passwords.account = acts.account_id
        AND passwords.made_at <= acts.event_time
        AND (from_console OR is_sign_in)
)

SELECT
    session,
    made_by,
    made_name,
    count(*) AS uses,
    min(event_time) AS first_use,
    max(event_time) AS last_use,
    arg_min(
        {
            'event_id': event_id,
            'event_time': event_time,
            'account_id': account_id,
            'region': region,
            'actor': coalesce(actor_arn, access_key_id, source_ip),
            'service': coalesce(service, event_source),
            'event_name': event_name,
            'target': coalesce(target_of(requestParameters, responseElements), denied_resource),
            'source_ip': source_ip,
            'user_agent': user_agent,
            'mfa': mfa,
            'error_code': error_code,
            'succeeded': succeeded,
            'is_write': is_write,
            'logFile': logFile,
            'logFileIndex': logFileIndex
        },
        rank,
        $most
    ) AS kept
FROM matched
WHERE session IS NOT NULL
GROUP BY session, made_by, made_name
ORDER BY session, made_by, made_name
