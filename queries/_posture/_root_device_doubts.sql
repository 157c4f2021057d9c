-- Removals of MFA devices that nothing shows to be a user's, and that may have been root's.
WITH seen AS (
    SELECT
        account_id,
        serial
    FROM root_device_events
    WHERE serial IS NOT NULL
    UNION ALL
    -- What root enrols for a user called root may be root's own.
    SELECT
        account_id,
        mfa_serial AS serial
    FROM mfa_activations
    WHERE
        mfa_target_kind = 'user'
        AND NOT (is_root AND lower(named_user) = 'root')
),

removals AS (
    SELECT
        *,
        mfa_serial AS serial
    FROM candidates
    WHERE
        service = 'iam'
        AND succeeded
        AND (
            -- A device can be deleted once it is nobody's: the record of root's deactivation may be missing.
            (
                event_name = 'DeleteVirtualMFADevice'
                AND (is_root OR regexp_matches(mfa_serial, ':mfa/root-account-mfa-device$'))
            )
            OR (
                event_name = 'DeactivateMFADevice'
                AND is_root
                AND (mfa_target_kind = 'unknown' OR lower(named_user) = 'root')
            )
        )
)

SELECT
    account_id,
    event_time,
    event_id,
    serial,
    coalesce(regexp_extract(serial, '[^:]*$'), 'a device that is not named') || ', perhaps root''s, removed' AS detail,
    coalesce(source_ip, 'an unknown address') AS source_ip
FROM removals
ANTI JOIN seen USING (account_id, serial)
