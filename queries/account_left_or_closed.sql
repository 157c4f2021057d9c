-- /// rule
-- title = "Account left the organisation or was closed"
-- severity = "critical"
-- confidence = "high"
-- attack = ["TA0040:T1485", "TA0040:T1531", "TA0005:T1666", "TA0005:T1562.008", "TA0112:T1685.002"]
-- description = """
-- An account left its organisation, was removed from it or was closed, or a call to do so was denied. Outside the
-- organisation no service control policy and no organisation trail reaches the account. High when the management
-- account removes or closes a member, and when the call was denied; critical when the account leaves by itself or
-- when root did it.
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
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(actor_arn, 'an unknown caller') || CASE WHEN succeeded THEN ' called ' ELSE ' was denied ' END
    || event_name || ' for account ' || coalesce(target_account, 'unknown') AS summary,
    CASE WHEN succeeded AND (event_name = 'LeaveOrganization' OR is_root) THEN 'critical' ELSE 'high' END AS severity,
    event_name,
    target_account,
    error_code
FROM account_departures
