-- An event data store of CloudTrail Lake ("CloudTrail Lake event schema", AWS CloudTrail User Guide).
-- The second way is for JSON that names a key twice, which a caller can bring about: the row is to be found all the same.
CREATE MACRO text_map(document) AS coalesce(
    TRY(CAST(TRY_CAST(document AS JSON) AS MAP(VARCHAR, VARCHAR))),
    CASE WHEN TRY(json_type(document)) = 'OBJECT' THEN map_from_entries([
        -- What begins so would be read as a path.
        (key, CASE WHEN NOT regexp_matches(key, '^[$/]') THEN document ->> key END)
        FOR key IN list_distinct(json_keys(document))
    ]) END
);

CREATE VIEW event_data_store AS
SELECT
    * EXCLUDE (extra, eventKey, logFile, logFileIndex)
    REPLACE (
        text_map(requestParameters) AS requestParameters,
        text_map(responseElements) AS responseElements,
        text_map(additionalEventData) AS additionalEventData,
        text_map(serviceEventDetails) AS serviceEventDetails,
        TRY(from_json(resources, '[{"ARN": "VARCHAR", "accountId": "VARCHAR", "type": "VARCHAR"}]')) AS resources,
        TRY(from_json(
            tlsDetails, '{"tlsVersion": "VARCHAR", "cipherSuite": "VARCHAR", "clientProvidedHostHeader": "VARCHAR"}'
        )) AS tlsDetails
    ),
    NULL::VARCHAR AS annotation,
    -- The record with all its fields, absent ones as null.
    CAST(to_json(struct_pack(
        eventVersion := eventVersion,
        userIdentity := userIdentity,
        eventTime := strftime(eventTime, '%Y-%m-%dT%H:%M:%SZ'),
        eventSource := eventSource,
        eventName := eventName,
        awsRegion := awsRegion,
        sourceIPAddress := sourceIPAddress,
        userAgent := userAgent,
        errorCode := errorCode,
        errorMessage := errorMessage,
        requestParameters := TRY_CAST(requestParameters AS JSON),
        responseElements := TRY_CAST(responseElements AS JSON),
        additionalEventData := TRY_CAST(additionalEventData AS JSON),
        requestID := requestID,
        eventID := eventID,
        readOnly := readOnly,
        resources := TRY_CAST(resources AS JSON),
        eventType := eventType,
        managementEvent := managementEvent,
        recipientAccountId := recipientAccountId,
        sharedEventID := sharedEventID,
        serviceEventDetails := TRY_CAST(serviceEventDetails AS JSON),
        vpcEndpointId := vpcEndpointId,
        eventCategory := eventCategory,
        tlsDetails := TRY_CAST(tlsDetails AS JSON)
    )) AS VARCHAR) AS eventJson,
    NULL::VARCHAR AS eventJsonChecksum
FROM events;
