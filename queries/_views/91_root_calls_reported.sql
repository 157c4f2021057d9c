-- Calls that another rule about root reports, or that are among these, whatever came of them: root_api_call has the
-- writes that succeeded, root_call_denied the denials. Rules about how root is used (root_access_key_used,
-- root_first_use and the like) report beside.
CREATE VIEW root_calls_reported AS
SELECT logFile, logFileIndex FROM reported_alone
UNION ALL
SELECT logFile, logFileIndex FROM root_sensitive_reads
UNION ALL
SELECT logFile, logFileIndex FROM root_api_calls WHERE is_write AND succeeded
UNION ALL
SELECT logFile, logFileIndex FROM root_api_calls WHERE is_permission_error;
