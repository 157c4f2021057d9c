-- Sessions; of very many, those in which something was changed, and the newest.
SELECT
    story.session,
    story_id(story.session) AS id,
    story.session ->> '$[0]' AS kind,
    story.session ->> '$[1]' AS account_id,
    story.session ->> '$[2]' AS key,
    coalesce(min(story.event_time) FILTER (phase <> 'before'), min(story.event_time)) AS first_time,
    coalesce(max(story.event_time) FILTER (phase <> 'before'), max(story.event_time)) AS last_time,
    count(*) FILTER (phase = 'before') AS before,
    count(*) FILTER (phase = 'sign_in') AS sign_in,
    count(*) FILTER (phase = 'changed') AS changed,
    count(*) FILTER (phase = 'read') AS read,
    count(*) FILTER (phase = 'refused') AS refused,
    count(*) FILTER (phase = 'before' AND event_name = 'ConsoleLogin') AS failures_before,
    list_sort(list(DISTINCT event_name) FILTER (phase = 'before' AND succeeded))[:10] AS opened_by,
    count(DISTINCT source_ip) FILTER (phase <> 'before') AS address_count,
    count(DISTINCT user_agent) FILTER (phase <> 'before') AS user_agent_count,
    min(story.event_time) FILTER (is_opening AND phase <> 'before') AS first_opening,
    max(story.event_time) FILTER (is_opening AND phase <> 'before') AS last_opening,
    max(mfa) FILTER (phase = 'sign_in' AND event_name = 'ConsoleLogin' AND NOT is_probable) AS login_mfa,
    max(field(additionalEventData, 'MFAIdentifier')) FILTER (
        phase = 'sign_in' AND event_name = 'ConsoleLogin' AND NOT is_probable
    ) AS mfa_device,
    max(lower(logged(
        userIdentity.sessionContext.attributes.mfaAuthenticated,
        extra,
        '$.userIdentity.sessionContext.attributes.mfaAuthenticated'
    ))) AS mfa_authenticated,
    min(coalesce(session_issuer, actor_arn)) FILTER (NOT is_root AND phase = 'sign_in') AS assumed_by
FROM story_told AS story
INNER JOIN candidates AS event ON event.rowid = story.row
GROUP BY story.session
ORDER BY count_if(phase = 'changed') > 0 DESC, last_time DESC, story.session
LIMIT $most
