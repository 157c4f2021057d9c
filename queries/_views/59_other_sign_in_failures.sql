-- What failed on the sign-in page and is not told by a rule of its own. root_call_denied has what lacked permission.
CREATE VIEW other_root_sign_in_failures AS
SELECT *
FROM direct_root_calls ANTI JOIN told_sign_in_failures USING (logFile, logFileIndex)
WHERE
    is_sign_in_page_event(service, event_name)
    AND NOT succeeded
    AND NOT is_permission_error;
