-- /// rule
-- title = "Signing credential for root created"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0003:T1098.001", "TA0003:T1098.004"]
-- description = """
-- A signing certificate, an SSH public key or a service-specific credential of the root user itself was created. Each
-- is a way in beside password and access keys that reviews of keys do not show.
-- """
-- response = """
-- 1. Ask the account owner at once; hardly anything still needs one.
-- 2. If unexpected: delete the credential (DeleteSigningCertificate, DeleteSSHPublicKey, DeleteServiceSpecificCredential).
-- 3. Then recover the account and look at everything else that root did.
-- """
-- false_positives = ["Very old SOAP clients or image bundling tools that sign with an X.509 certificate."]
-- references = [
--     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSigningCertificate.html",
--     "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html",
-- ]
-- monotone = true
-- reports_alone = "root_signing_credential_creations"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    'root created ' || CASE event_name
        WHEN 'UploadSigningCertificate' THEN 'a signing certificate'
        WHEN 'UploadSSHPublicKey' THEN 'an SSH public key'
        ELSE 'a credential for ' || coalesce(field(requestParameters, 'serviceName'), 'a service')
    END
    || ' for itself in account ' || coalesce(account_id, 'unknown') || ' from '
    || coalesce(source_ip, 'an unknown address') AS summary,
    event_name,
    coalesce(
        field(responseElements, '$.certificate.certificateId'),
        field(responseElements, '$.sSHPublicKey.sSHPublicKeyId'),
        field(responseElements, '$.serviceSpecificCredential.serviceSpecificCredentialId')
    ) AS credential_id,
    root_origin
FROM root_signing_credential_creations
