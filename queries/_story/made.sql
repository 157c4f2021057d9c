-- What root made that can act by itself. Of one that was made twice, the first time counts.
WITH calls AS (
    SELECT
        story.session,
        event.event_time,
        event.event_id,
        event.account_id,
        CASE event_name
            WHEN 'CreateAccessKey' THEN 'key'
            WHEN 'CreateUser' THEN 'user'
            WHEN 'CreateRole' THEN 'role'
            WHEN 'CreateLoginProfile' THEN 'password'
            WHEN 'UpdateLoginProfile' THEN 'password'
            ELSE 'session'
        END AS kind,
        coalesce(
            field(responseElements, '$.accessKey.accessKeyId'),
            field(responseElements, '$.credentials.accessKeyId'),
            field(requestParameters, 'roleName'),
            named_user
        ) AS name,
        CASE WHEN event_name = 'CreateAccessKey' THEN
            coalesce(named_user, nullif(field(responseElements, '$.accessKey.userName'), 'root'))
        END AS owner
    FROM story_told AS story
    INNER JOIN candidates AS event ON event.rowid = story.row
    WHERE
        story.phase = 'changed'
        AND is_root
        AND (
            (
                service = 'iam'
                AND event_name IN ('CreateAccessKey', 'CreateUser', 'CreateRole', 'CreateLoginProfile', 'UpdateLoginProfile')
            )
            OR (service = 'sts' AND event_name IN ('GetSessionToken', 'GetFederationToken'))
        )
)

SELECT *
FROM calls
WHERE
    name IS NOT NULL
    -- Who made the user has all of the user, the password too.
    AND NOT (kind = 'password' AND (account_id, name) IN (SELECT (account_id, name) FROM calls WHERE kind = 'user'))
QUALIFY row_number() OVER (
    PARTITION BY kind, account_id, name
    ORDER BY event_time, event_id, session
) = 1
ORDER BY event_time, event_id, session
LIMIT 10000
