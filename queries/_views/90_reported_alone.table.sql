-- Events that a rule reports on that event alone. Each rule that does so adds the view it reads, and only then.
SELECT logFile, logFileIndex FROM root_access_key_creations
UNION ALL
SELECT logFile, logFileIndex FROM root_signing_credential_creations
UNION ALL
SELECT logFile, logFileIndex FROM root_session_creations
UNION ALL
SELECT logFile, logFileIndex FROM root_cli_sign_ins
UNION ALL
SELECT logFile, logFileIndex FROM root_console_sessions
UNION ALL
SELECT logFile, logFileIndex FROM root_password_changes
UNION ALL
SELECT logFile, logFileIndex FROM root_email_changes
UNION ALL
SELECT logFile, logFileIndex FROM account_contact_changes
UNION ALL
SELECT logFile, logFileIndex FROM root_login_profile_changes
UNION ALL
SELECT logFile, logFileIndex FROM root_mfa_deactivations
UNION ALL
SELECT logFile, logFileIndex FROM centralized_root_changes
UNION ALL
SELECT logFile, logFileIndex FROM account_departures
UNION ALL
SELECT logFile, logFileIndex FROM other_user_mfa_deactivations
UNION ALL
SELECT logFile, logFileIndex FROM root_mfa_activations
UNION ALL
SELECT logFile, logFileIndex FROM session_mfa_activations
UNION ALL
SELECT logFile, logFileIndex FROM trail_stops
UNION ALL
SELECT logFile, logFileIndex FROM event_selector_narrowings
