-- Only root has a password that AWS resets by e-mail. The source of these two is not documented.
CREATE VIEW password_recovery_requests AS
FROM candidates
WHERE event_name = 'PasswordRecoveryRequested';

CREATE VIEW password_recovery_completions AS
FROM candidates
WHERE
    event_name = 'PasswordRecoveryCompleted'
    AND succeeded;

CREATE VIEW root_password_changes AS
FROM candidates
WHERE
    is_root
    AND service = 'signin'
    AND event_name = 'PasswordUpdated'
    AND succeeded;

-- By root itself, or by the management account for a member (`target_account`).
CREATE VIEW root_email_changes AS
FROM candidates
WHERE
    succeeded
    AND (
        (is_root AND event_name = 'EmailUpdated')
        OR (service = 'account' AND event_name IN ('StartPrimaryEmailUpdate', 'AcceptPrimaryEmailUpdate'))
    );

-- After one of these somebody may hold root who did not before. `target_account` is whose root it is.
CREATE VIEW root_recoveries AS
FROM password_recovery_requests
WHERE succeeded
UNION ALL
FROM password_recovery_completions
UNION ALL
FROM root_password_changes
UNION ALL
FROM root_email_changes;

-- Two of the services that the account page has belonged to.
CREATE VIEW account_contact_changes AS
FROM candidates
WHERE
    service IN ('account', 'billingconsole')
    AND event_name IN (
        'PutAlternateContact', 'DeleteAlternateContact', 'PutContactInformation', 'SetContactAddress',
        'SetAdditionalContacts', 'SetSecurityQuestions'
    )
    AND succeeded;

-- Root's own password, which only AssumeRoot sessions can make and remove through IAM.
CREATE VIEW root_login_profile_changes AS
FROM candidates
WHERE
    is_root
    AND service = 'iam'
    AND event_name IN ('CreateLoginProfile', 'UpdateLoginProfile', 'DeleteLoginProfile')
    AND succeeded
    AND (
        named_user IS NULL
        OR upper(named_user) = 'AWS ROOT USER'
    );
