-- Whose a device is, as far as anything in the log tells. What was root's once stays so.
WITH seen AS (
    SELECT
        account_id,
        serial,
        event_time,
        'root' AS owner_kind,
        'root' AS owner
    FROM root_mfa_devices
    UNION ALL
    SELECT
        account_id,
        mfa_serial,
        event_time,
        mfa_target_kind,
        mfa_target
    FROM mfa_activations
    WHERE mfa_target_kind = 'user'
)

SELECT
    account_id,
    serial,
    arg_max(owner_kind, (owner_kind = 'root', event_time, owner)) AS owner_kind,
    arg_max(owner, (owner_kind = 'root', event_time, owner)) AS owner
FROM seen
GROUP BY account_id, serial
