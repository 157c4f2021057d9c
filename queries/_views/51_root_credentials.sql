-- Of root itself: a call for an IAM user names the user.
CREATE VIEW root_signing_credential_creations AS
FROM candidates
WHERE
    is_root
    AND service = 'iam'
    AND event_name IN ('UploadSigningCertificate', 'UploadSSHPublicKey', 'CreateServiceSpecificCredential')
    AND succeeded
    AND (
        named_user IS NULL
        OR upper(named_user) = 'AWS ROOT USER'
    );

CREATE VIEW root_session_creations AS
FROM direct_root_calls
WHERE
    service = 'sts'
    AND event_name IN ('GetSessionToken', 'GetFederationToken')
    AND succeeded;

-- `aws login`: the browser's half and the command line's.
CREATE VIEW root_cli_sign_ins AS
FROM direct_root_calls
WHERE
    service = 'signin'
    AND event_name IN ('AuthorizeOAuth2Access', 'CreateOAuth2Token')
    AND succeeded;

CREATE VIEW root_console_sessions AS
FROM direct_root_calls
WHERE
    service = 'signin'
    AND event_name IN ('GetSigninToken', 'SwitchRole')
    AND succeeded;
