-- /// rule
-- title = "Root of many accounts signed in from one address"
-- severity = "critical"
-- confidence = "medium"
-- attack = ["TA0001:T1078.004", "TA0008:T1021.007"]
-- description = """
-- Root of this account signed in from an address from which root of at least two other accounts signed in too,
-- within 24 hours before or after. Nobody needs root in three accounts in a day, except somebody who holds a list of
-- passwords or a shared mailbox. One alert for each account, address and day.
-- """
-- response = """
-- 1. Ask the owners of all accounts in the context whether they know of it; whose address is it?
-- 2. If it is not known: recover all of them, starting with the management account.
-- 3. Look for what they have in common: the mailbox, the password manager, the phone number.
-- 4. Go through root_api_call and root_persistence_burst in each account.
-- """
-- false_positives = ["A team that sets up root MFA in several accounts in one day, behind one address."]
-- references = ["https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html"]
-- # A late AssumeRoot record can show that a session was no login by root.
-- monotone = false
-- ///

WITH counted AS (
    SELECT
        *,
        count(DISTINCT account_id) OVER (
            PARTITION BY source_ip
            ORDER BY event_time
            RANGE BETWEEN INTERVAL 24 HOUR PRECEDING AND INTERVAL 24 HOUR FOLLOWING
        ) AS accounts
    FROM root_logins
),

sprees AS MATERIALIZED (
    SELECT
        account_id,
        source_ip,
        day_of(event_time) AS day,
        row_number() OVER () AS spree_number,
        min(event_time) AS first_login,
        max(event_time) AS last_login,
        count(*) AS logins,
        list(event_id) AS event_ids
    FROM counted
    WHERE accounts >= 3
    GROUP BY account_id, source_ip, day_of(event_time)
),

others AS (
    SELECT
        spree.spree_number,
        list_sort(list_distinct(list(DISTINCT other.account_id))) AS accounts,
        arg_min(other.event_id, (other.event_time, other.event_id), 50) AS event_ids
    FROM sprees AS spree
    JOIN counted AS other
        ON
            other.source_ip = spree.source_ip
            AND other.account_id IS DISTINCT FROM spree.account_id
            AND other.event_time BETWEEN spree.first_login - INTERVAL 24 HOUR AND spree.last_login + INTERVAL 24 HOUR
    GROUP BY spree.spree_number
)

SELECT
    spree.account_id,
    spree.first_login AS event_time,
    spree.last_login AS last_event_time,
    spree.logins AS event_count,
    spree.event_ids,
    group_key([spree.source_ip, spree.day]) AS dedup_key,
    'root of account ' || coalesce(spree.account_id, 'unknown') || ' signed in from ' || spree.source_ip
    || ', and so did root of ' || len(other.accounts) || ' other accounts within 24 hours' AS summary,
    other.accounts[:50] AS other_accounts,
    other.event_ids AS other_event_ids
FROM sprees AS spree JOIN others AS other USING (spree_number)
