-- /// check
-- title = "A trail has digests"
-- label = "log validation"
-- step = "monitor"
-- why = """
-- Without digests nobody can prove that log files were neither changed nor removed. AWS tells when the last one came: of
-- more than two hours ago is too long, for they come every hour.
-- """
-- known_as = ["CIS 3.2", "Security Hub CloudTrail.4", "Prowler cloudtrail_log_file_validation_enabled"]
-- over = "some"
-- words = {pass = "yes", fail = "no"}
-- unseen = "no trail seen to be made or changed"
-- silence = "no other change"
-- ask = "cloudtrail:DescribeTrails"
-- next = "switch on log file validation"
-- ///

SELECT
    account_id,
    event_time,
    subject,
    CASE
        WHEN is_gone THEN 'gone'
        WHEN field(trail, 'logFileValidationEnabled') IS NULL THEN 'unsure'
        WHEN lower(field(trail, 'logFileValidationEnabled')) = 'false' THEN 'no'
        ELSE 'yes'
    END AS says,
    detail,
    event_id
FROM trail_settings
