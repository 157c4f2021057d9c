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
