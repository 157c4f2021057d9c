-- /// rule
-- title = "Access key for root created or activated"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0003:T1098.001"]
-- description = """
-- A long-term access key of the root user itself was created, or an inactive one made active again. It needs
-- neither password nor MFA and nothing limits it. Root making a key for an IAM user is not meant.
-- """
-- response = """
-- 1. Ask the account owner at once; there is hardly ever a good reason.
-- 2. If unexpected: deactivate and delete the key, recover the account, rotate the root password.
-- 3. Look for root_access_key_used with the key named in the context.
-- """
-- false_positives = ["Very old tools that only work with a root key."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user_manage_add-key.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html#ru-bp-access-keys",
-- ]
-- monotone = true
-- reports_alone = "root_access_key_creations"
-- ///

SELECT
    coalesce(field(responseElements, '$.accessKey.accessKeyId'), field(requestParameters, 'accessKeyId')) AS root_key_id,
    account_id,
    event_time,
    [event_id] AS event_ids,
    'root ' || CASE event_name WHEN 'CreateAccessKey' THEN 'created' ELSE 'activated' END
    || ' access key ' || coalesce(root_key_id, 'of unknown id') || ' for itself in account '
    || coalesce(account_id, 'unknown') || ' from ' || coalesce(source_ip, 'an unknown address') AS summary,
    event_name,
    root_origin
FROM root_access_key_creations
