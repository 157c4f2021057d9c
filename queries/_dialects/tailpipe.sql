-- Tailpipe's table of CloudTrail events, with its snake_case names at every level.
CREATE VIEW aws_cloudtrail_log AS
SELECT
    TRY_CAST(additionalEventData AS JSON) AS additional_event_data,
    apiVersion AS api_version,
    awsRegion AS aws_region,
    TRY_CAST(edgeDeviceDetails AS JSON) AS edge_device_details,
    errorCode AS error_code,
    errorMessage AS error_message,
    eventCategory AS event_category,
    eventID AS event_id,
    eventName AS event_name,
    eventSource AS event_source,
    eventTime AS event_time,
    eventType AS event_type,
    eventVersion AS event_version,
    managementEvent AS management_event,
    readOnly AS read_only,
    recipientAccountId AS recipient_account_id,
    requestID AS request_id,
    TRY_CAST(requestParameters AS JSON) AS request_parameters,
    TRY_CAST(resources AS JSON) AS resources,
    TRY_CAST(responseElements AS JSON) AS response_elements,
    TRY_CAST(serviceEventDetails AS JSON) AS service_event_details,
    sessionCredentialFromConsole AS session_credential_from_console,
    sharedEventID AS shared_event_id,
    sourceIPAddress AS source_ip_address,
    struct_pack(
        cipher_suite := TRY(tlsDetails ->> 'cipherSuite'),
        client_provided_host_header := TRY(tlsDetails ->> 'clientProvidedHostHeader'),
        tls_version := TRY(tlsDetails ->> 'tlsVersion')
    ) AS tls_details,
    userAgent AS user_agent,
    struct_pack(
        access_key_id := userIdentity.accessKeyId,
        account_id := userIdentity.accountId,
        arn := userIdentity.arn,
        identity_provider := userIdentity.identityProvider,
        invoked_by := userIdentity.invokedBy,
        principal_id := userIdentity.principalId,
        session_context := struct_pack(
            attributes := struct_pack(
                creation_date := TRY_CAST(userIdentity.sessionContext.attributes.creationDate AS TIMESTAMP),
                mfa_authenticated := userIdentity.sessionContext.attributes.mfaAuthenticated
            ),
            ec2_role_delivery := userIdentity.sessionContext.ec2RoleDelivery,
            session_issuer := struct_pack(
                account_id := userIdentity.sessionContext.sessionIssuer.accountId,
                arn := userIdentity.sessionContext.sessionIssuer.arn,
                principal_id := userIdentity.sessionContext.sessionIssuer.principalId,
                "type" := userIdentity.sessionContext.sessionIssuer.type,
                user_name := userIdentity.sessionContext.sessionIssuer.userName
            ),
            web_id_federation_data := struct_pack(
                attributes := TRY_CAST(userIdentity.sessionContext.webIdFederationData.attributes AS JSON),
                federated_provider := userIdentity.sessionContext.webIdFederationData.federatedProvider
            )
        ),
        "type" := userIdentity.type,
        user_name := userIdentity.userName
    ) AS user_identity,
    vpcEndpointId AS vpc_endpoint_id,
    eventKey AS tp_id,
    'aws_cloudtrail_log' AS tp_table,
    'lake' AS tp_partition,
    recipientAccountId AS tp_index,
    CAST(eventTime AS DATE) AS tp_date,
    eventTime AS tp_timestamp,
    logFile AS tp_source_location,
    sourceIPAddress AS tp_source_ip,
    [sourceIPAddress] AS tp_ips,
    TRY(json_extract_string(resources, '$[*].ARN')) AS tp_akas,
    list_filter([userIdentity.userName, userIdentity.accessKeyId], lambda name: name IS NOT NULL) AS tp_usernames
FROM events;
