-- Failed sign-ins that rules of their own tell of.
SELECT logFile, logFileIndex FROM root_mfa_challenge_failures
UNION ALL
SELECT logFile, logFileIndex FROM root_login_guesses
UNION ALL
SELECT logFile, logFileIndex FROM root_login_sprays
UNION ALL
SELECT logFile, logFileIndex FROM password_recovery_requests
