-- What happened to root's MFA devices. One row an event; `serial` is NULL where the record does not name the device.
WITH told AS (
    SELECT
        *,
        'enrolled' AS act,
        mfa_serial AS device
    FROM root_mfa_activations
    UNION ALL
    SELECT
        *,
        'used' AS act,
        field(additionalEventData, 'MFAIdentifier') AS device
    FROM root_logins
    WHERE mfa = 'yes'
    UNION ALL
    SELECT
        *,
        'synchronised' AS act,
        mfa_serial AS device
    FROM candidates
    WHERE
        event_name = 'ResyncMFADevice'
        AND succeeded
        AND mfa_target_kind = 'root'
),

-- Removals may name a device that only its use has shown to be root's.
known AS (
    SELECT DISTINCT
        account_id,
        device
    FROM told
    WHERE device IS NOT NULL
),

removals AS (
    SELECT
        candidates.*,
        'removed' AS act,
        mfa_serial AS device
    FROM candidates
    LEFT JOIN known
        ON known.account_id = candidates.account_id
        AND known.device = candidates.mfa_serial
    WHERE
        service = 'iam'
        AND succeeded
        AND (
            (event_name = 'DeactivateMFADevice' AND (mfa_target_kind = 'root' OR known.device IS NOT NULL))
            OR (event_name = 'DeleteVirtualMFADevice' AND known.device IS NOT NULL)
        )
)

SELECT
    account_id,
    event_time,
    event_id,
    act,
    device AS serial,
    -- `u2f/root/vault-1`; a serial without an ARN is a vendor's.
    coalesce(nullif(regexp_extract(device, '^arn:[^:]*:iam::[0-9]*:(.+)$', 1), ''), device) AS name,
    CASE
        WHEN device IS NULL THEN 'unknown'
        WHEN regexp_matches(device, '^arn:[^:]*:iam::[0-9]*:u2f/') THEN 'fido'
        WHEN regexp_matches(device, '^arn:[^:]*:iam::[0-9]*:mfa/') THEN 'virtual'
        WHEN regexp_matches(device, '^arn:[^:]*:iam::[0-9]*:sms-mfa/') THEN 'sms'
        WHEN regexp_full_match(device, '[A-Za-z0-9-]{6,64}') THEN 'hardware'
        ELSE 'unknown'
    END AS kind,
    coalesce(actor_arn, 'an unknown caller') AS actor,
    coalesce(source_ip, 'an unknown address') AS source_ip
FROM (FROM told UNION ALL FROM removals)
