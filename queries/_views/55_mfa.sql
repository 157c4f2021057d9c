-- Whose device it was where nobody is named: the serial number may be known as root's, or the fixed name of root's
-- device as that of a user's.
CREATE VIEW mfa_deactivation_attempts AS
SELECT
    attempt.* REPLACE (
        coalesce(device.owner_kind, mfa_target_kind) AS mfa_target_kind,
        coalesce(device.owner, mfa_target) AS mfa_target,
        mfa_target_is_caller AND device.owner_kind IS NULL AS mfa_target_is_caller
    )
FROM candidates AS attempt
LEFT JOIN mfa_device_owners AS device
    ON
        device.account_id IS NOT DISTINCT FROM attempt.account_id
        AND device.serial = coalesce(attempt.mfa_serial, attempt.denied_resource)
        AND attempt.named_user IS NULL
        AND (device.owner_kind = 'root' OR attempt.mfa_target_kind <> 'user')
WHERE
    attempt.service = 'iam'
    AND attempt.event_name = 'DeactivateMFADevice';

CREATE VIEW mfa_deactivations AS
FROM mfa_deactivation_attempts
WHERE succeeded;

CREATE VIEW mfa_deactivation_denials AS
FROM mfa_deactivation_attempts
WHERE is_permission_error;

CREATE VIEW root_mfa_deactivations AS
FROM mfa_deactivations
WHERE mfa_target_kind = 'root';

CREATE VIEW own_mfa_deactivations AS
FROM mfa_deactivations
WHERE mfa_target_is_caller;

-- A target that the record does not show is somebody's device all the same.
CREATE VIEW other_user_mfa_deactivations AS
FROM mfa_deactivations
WHERE
    mfa_target_kind <> 'root'
    AND NOT mfa_target_is_caller;

-- By a session that did not come from the console. Root's own device is reported as root's.
CREATE VIEW session_mfa_activations AS
FROM mfa_activations
WHERE
    mfa_target_kind <> 'root'
    AND starts_with(access_key_id, 'ASIA')
    AND NOT from_console
    AND root_origin <> 'assume_root';

-- By a session without MFA: what a policy that asks for MFA leaves open, and what whoever stole a password tries next.
CREATE VIEW mfa_registration_failures AS
SELECT
    *,
    -- Root is the caller of what names nobody: devices are created before they are somebody's.
    coalesce(mfa_target_kind = 'root', false)
    OR (is_root AND mfa_target_kind IS DISTINCT FROM 'user') AS is_of_root
FROM candidates
WHERE
    service = 'iam'
    AND event_name IN ('CreateVirtualMFADevice', 'EnableMFADevice')
    AND NOT succeeded
    AND lower(logged(
        userIdentity.sessionContext.attributes.mfaAuthenticated,
        extra,
        '$.userIdentity.sessionContext.attributes.mfaAuthenticated'
    )) IS DISTINCT FROM 'true';

CREATE VIEW user_deletions AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'DeleteUser'
    AND succeeded;
