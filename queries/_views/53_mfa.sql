CREATE VIEW mfa_activations AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'EnableMFADevice'
    AND succeeded;

CREATE VIEW root_mfa_activations AS
FROM mfa_activations
WHERE mfa_target_kind = 'root';

-- When a device was seen to be root's, since it may bear any name: root was named with it, root spoke of a device of its
-- own, or signed in with it.
CREATE VIEW root_mfa_devices AS
SELECT
    account_id,
    event_time,
    mfa_serial AS serial
FROM candidates
WHERE
    mfa_target_kind = 'root'
    AND succeeded
    AND (named_user IS NOT NULL OR is_root)
UNION ALL
SELECT
    account_id,
    event_time,
    field(additionalEventData, 'MFAIdentifier') AS serial
FROM root_login_attempts;

-- Whose a device is, as far as anything in the log tells. What was root's once stays so.
CREATE VIEW mfa_device_owners AS
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
GROUP BY account_id, serial;

-- Whose device it was where nobody is named: the serial number may be known as root's, or the fixed name of root's
-- device as that of a user's.
CREATE VIEW mfa_deactivation_attempts AS
WITH attempts AS (
    SELECT
        *,
        (
            SELECT {'kind': owner_kind, 'name': owner}
            FROM mfa_device_owners AS device
            WHERE
                device.account_id IS NOT DISTINCT FROM attempt.account_id
                AND device.serial = coalesce(attempt.mfa_serial, attempt.denied_resource)
                AND attempt.named_user IS NULL
                AND (device.owner_kind = 'root' OR attempt.mfa_target_kind <> 'user')
        ) AS known
    FROM candidates AS attempt
    WHERE
        service = 'iam'
        AND event_name = 'DeactivateMFADevice'
)

SELECT
    * EXCLUDE (known) REPLACE (
        coalesce(known.kind, mfa_target_kind) AS mfa_target_kind,
        coalesce(known.name, mfa_target) AS mfa_target,
        mfa_target_is_caller AND known IS NULL AS mfa_target_is_caller
    )
FROM attempts;

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
