CREATE VIEW mfa_deactivations AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'DeactivateMFADevice'
    AND succeeded;

CREATE VIEW mfa_activations AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'EnableMFADevice'
    AND succeeded;

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

CREATE VIEW mfa_deactivation_denials AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'DeactivateMFADevice'
    AND is_permission_error;

CREATE VIEW root_mfa_activations AS
FROM mfa_activations
WHERE mfa_target_kind = 'root';

-- When a device was seen to be root's: registered, or used to sign in.
CREATE VIEW root_mfa_devices AS
SELECT
    account_id,
    event_time,
    mfa_serial AS serial
FROM root_mfa_activations
UNION ALL
SELECT
    account_id,
    event_time,
    field(additionalEventData, 'MFAIdentifier') AS serial
FROM root_logins;

-- By a session that did not come from the console. Root's own device is reported as root's.
CREATE VIEW session_mfa_activations AS
FROM mfa_activations
WHERE
    mfa_target_kind <> 'root'
    AND starts_with(access_key_id, 'ASIA')
    AND NOT from_console
    AND root_origin <> 'assume_root';

CREATE VIEW user_deletions AS
FROM candidates
WHERE
    service = 'iam'
    AND event_name = 'DeleteUser'
    AND succeeded;
