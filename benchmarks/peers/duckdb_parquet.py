"""DuckDB: all log files to one zstd Parquet file. Arguments: FOLDER OUTPUT."""

from __future__ import annotations

import sys
from typing import Final

import duckdb

# Named, not inferred: inference refuses real logs. What differs from event to event stays JSON.
RECORD: Final = """STRUCT(
    eventVersion VARCHAR,
    userIdentity STRUCT(
        "type" VARCHAR, principalId VARCHAR, arn VARCHAR, accountId VARCHAR, accessKeyId VARCHAR, userName VARCHAR,
        invokedBy VARCHAR, identityProvider VARCHAR, credentialId VARCHAR,
        sessionContext STRUCT(
            sessionIssuer STRUCT("type" VARCHAR, principalId VARCHAR, arn VARCHAR, accountId VARCHAR, userName VARCHAR),
            webIdFederationData STRUCT(federatedProvider VARCHAR, attributes JSON),
            attributes STRUCT(creationDate VARCHAR, mfaAuthenticated VARCHAR),
            sourceIdentity VARCHAR, ec2RoleDelivery VARCHAR, assumedRoot VARCHAR
        )
    ),
    eventTime TIMESTAMP, eventSource VARCHAR, eventName VARCHAR, awsRegion VARCHAR, sourceIPAddress VARCHAR,
    userAgent VARCHAR, errorCode VARCHAR, errorMessage VARCHAR, requestParameters JSON, responseElements JSON,
    additionalEventData JSON, requestID VARCHAR, eventID VARCHAR, readOnly BOOLEAN, resources JSON, eventType VARCHAR,
    apiVersion VARCHAR, managementEvent BOOLEAN, recipientAccountId VARCHAR, serviceEventDetails JSON,
    sharedEventID VARCHAR, vpcEndpointId VARCHAR, eventCategory VARCHAR, sessionCredentialFromConsole VARCHAR,
    tlsDetails JSON
)"""


def main() -> None:
    """Read, unnest, write; print how many rows."""
    folder, output = sys.argv[1:]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(
            f"""
            COPY (
                SELECT unnest(record)
                FROM (
                    SELECT unnest(Records) AS record
                    FROM read_json(
                        '{folder}/**/*.json.gz', columns = {{Records: '{RECORD}[]'}}, maximum_object_size = 67108864
                    )
                )
            ) TO '{output}' (FORMAT parquet, COMPRESSION zstd)
            """  # noqa: S608 - the benchmark's own paths
        )
        rows = connection.sql(f"SELECT count(*) FROM '{output}'").fetchall()  # noqa: S608
    sys.stdout.write(f"{rows[0][0]}\n")


if __name__ == "__main__":
    main()
