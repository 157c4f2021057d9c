-- /// check
-- title = "Root has no signing certificates"
-- label = "root certificates"
-- step = "8"
-- why = """
-- A signing certificate is a credential of root that no MFA protects, of a time before access keys, and easily overlooked.
-- """
-- known_as = []
-- over = "every"
-- words = {pass = "none", fail = "present"}
-- unseen = "no certificate of root's seen"
-- ask = "iam:GetAccountSummary"
-- next = "sign in as root and delete the certificate under Security credentials"
-- ///

SELECT
    account_id,
    event_time,
    coalesce(
        field(responseElements, '$.certificate.certificateId'), field(requestParameters, 'certificateId'), ''
    ) AS subject,
    CASE event_name WHEN 'DeleteSigningCertificate' THEN 'unsure' ELSE 'no' END AS says,
    CASE event_name
        WHEN 'DeleteSigningCertificate' THEN 'certificate deleted; others may remain'
        ELSE 'certificate uploaded from ' || coalesce(source_ip, 'an unknown address')
    END AS detail,
    event_id
FROM candidates
WHERE
    is_root
    AND service = 'iam'
    AND succeeded
    AND event_name IN ('UploadSigningCertificate', 'DeleteSigningCertificate')
    AND (named_user IS NULL OR upper(named_user) = 'AWS ROOT USER')
