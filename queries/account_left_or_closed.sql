-- /// rule
-- title = "Account left the organisation or was closed"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0040:T1485", "TA0040:T1531", "TA0005:T1666", "TA0005:T1562.008", "TA0112:T1685.002"]
-- description = """
-- An account left its organisation, was removed from it or was closed, or a call to do so was denied. Outside the
-- organisation no service control policy and no organisation trail reaches the account. High when the management
-- account removes or closes a member, and when the call was denied; critical when the account leaves by itself or
-- when root did it. Denied calls: one alert for each account, caller, call and UTC hour.
-- """
-- response = """
-- 1. Ask the account owner and the owners of the organisation whether this was planned.
-- 2. If unexpected: contact AWS Support at once. A closed account can be reopened for 90 days; one that left must be
--    invited again.
-- 3. Secure what is left: who holds root's mailbox, which roles and keys of the account can reach others.
-- 4. If denied: find out whose credentials tried, and what else they did. Look at root_password_recovery_requested.
-- """
-- false_positives = ["Planned closing of accounts.", "Divestiture: an account moves to another organisation."]
-- references = [
--     "https://docs.aws.amazon.com/organizations/latest/APIReference/API_LeaveOrganization.html",
--     "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_close.html",
-- ]
-- monotone = true
-- reports_alone = "account_departures"
-- ///

-- What was done is told one by one. Anybody may be denied a call, as often as they like.
SELECT
    account_id,
    min(event_time) AS event_time,
    max(event_time) AS last_event_time,
    count(*) AS event_count,
    list(event_id) AS event_ids,
    min(group_key([caller, event_name, hour_of(event_time)])) FILTER (NOT succeeded) AS dedup_key,
    coalesce(min(actor_arn), 'an unknown caller') || CASE WHEN succeeded THEN ' called ' ELSE ' was denied ' END
    || event_name || CASE WHEN count(*) > 1 THEN ' ' || count(*) || ' times' ELSE '' END || ' for '
    || CASE
        WHEN count(DISTINCT target_account) > 1 THEN count(DISTINCT target_account) || ' accounts'
        ELSE 'account ' || coalesce(min(target_account), 'unknown')
    END AS summary,
    CASE WHEN succeeded AND (event_name = 'LeaveOrganization' OR bool_or(is_root)) THEN 'critical' ELSE 'high' END AS severity,
    event_name,
    list_sort(list(DISTINCT target_account))[:20] AS target_accounts,
    list_sort(list(DISTINCT error_code))[:20] AS error_codes
FROM account_departures
GROUP BY account_id, succeeded, event_name, caller, CASE WHEN succeeded THEN event_id ELSE hour_of(event_time) END
