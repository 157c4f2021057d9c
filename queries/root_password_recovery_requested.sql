-- /// rule
-- title = "Recovery of root's password requested"
-- severity = "high"
-- confidence = "medium"
-- attack = ["TA0001:T1078.004"]
-- description = """
-- Somebody asked for an e-mail that resets the root user's password. It takes only the account's e-mail address to
-- ask; with root's mailbox it takes over the account. Medium when every request failed. One alert for each
-- account and UTC hour: whoever knows the address may ask as often as they like.
-- """
-- response = """
-- 1. Ask the account owner whether they asked for it.
-- 2. If not: secure root's mailbox first (password, MFA, forwarding rules), and do not use the link in the e-mail.
-- 3. Look for root_password_recovery_completed and root_login_after_recovery.
-- """
-- false_positives = ["The owner forgot the password.", "Strangers who mistype an e-mail address."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/reset-root-password.html"]
-- monotone = true
-- ///

SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    -- One that was sent tells more than one that was refused.
    arg_max(event_id, (succeeded, event_time, event_id)) AS subject_event_id,
    group_key([target_account, hour_of(event_time)]) AS dedup_key,
    'a new root password for account ' || coalesce(target_account, 'unknown') || ' was requested'
    || CASE WHEN count(*) > 1 THEN ' ' || count(*) || ' times' ELSE '' END || ' from '
    || CASE count(DISTINCT source_ip)
        WHEN 0 THEN 'an unknown address'
        WHEN 1 THEN min(source_ip)
        ELSE count(DISTINCT source_ip) || ' addresses'
    END
    || CASE WHEN bool_or(succeeded) THEN '' ELSE ', and refused' END AS summary,
    CASE WHEN bool_or(succeeded) THEN 'high' ELSE 'medium' END AS severity,
    target_account,
    list_sort(list(DISTINCT source_ip))[:20] AS source_ips,
    list_sort(list(DISTINCT error_message))[:20] AS error_messages
FROM password_recovery_requests
GROUP BY account_id, target_account, hour_of(event_time)
