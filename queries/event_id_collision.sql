-- /// rule
-- title = "Records that share an eventID and differ"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0040:T1565.001"]
-- description = """
-- Two or more records about root, sign-ins, MFA or trails have one eventID in one account, and not the same content.
-- CloudTrail gives every event an id of its own, and delivers copies of an event unchanged. Whoever can write to the
-- log bucket may have put a record there to make another one pass for its copy. All of them are shown and judged by
-- the other rules.
-- """
-- response = """
-- 1. Compare the records in the evidence: which of their files does CloudTrail's digest confirm
--    (`detector verify`)?
-- 2. Find out who wrote the other file: S3 data events or server access logs of the log bucket.
-- 3. Treat what the true record shows as something that somebody wanted to hide.
-- """
-- false_positives = ["Log files that were edited, as by a tool that redacts them, beside their originals."]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html",
-- ]
-- ///

WITH told AS (
    SELECT
        recipientAccountId,
        eventKey,
        min(recipient_account_id) AS account_id,
        min(event_time) AS event_time,
        max(event_time) AS last_event_time,
        count(*) AS event_count,
        arg_min(event_id, (event_time, event_id), 50) AS event_ids,
        arg_min(coalesce(event_name, 'an unnamed event'), (event_time, event_id), 2) AS names
    FROM event_id_collisions
    GROUP BY recipientAccountId, eventKey
)

SELECT
    account_id,
    event_time,
    last_event_time,
    event_count,
    event_ids,
    eventKey AS dedup_key,
    event_count || ' different records of account ' || coalesce(account_id, 'unknown') || ' have the eventID ' || eventKey
    || ': ' || names[1] || ' and ' || names[2]
    || CASE WHEN event_count > 2 THEN ' among them' ELSE '' END AS summary
FROM told
