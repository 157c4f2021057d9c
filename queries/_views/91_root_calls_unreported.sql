-- Calls that no other rule about root reports, whatever came of them: root_api_call has the writes that succeeded,
-- root_call_denied the denials. Rules about how root is used (root_access_key_used, root_first_use and the like) report
-- beside.
CREATE VIEW root_calls_unreported AS
FROM root_api_calls ANTI JOIN reported_alone USING (logFile, logFileIndex)
WHERE
    NOT is_permission_error
    AND NOT (succeeded AND (is_write OR is_sensitive_read(service, event_name)));
