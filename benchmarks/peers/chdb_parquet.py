"""chDB (ClickHouse): all log files to one zstd Parquet file. Arguments: FOLDER OUTPUT WAY.

WAY is `columns`, JSONExtract for each column, as ClickHouse's guides have it; or `typed`, the whole structure handed
to its JSON reader, the quickest that was found.
"""

# ruff: noqa: S608 - the benchmark's own paths
from __future__ import annotations

import importlib
import sys
from typing import Final

_TEXTS: Final = (
    *("eventVersion", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent"),
    *("errorCode", "errorMessage", "requestID", "eventID", "eventType", "apiVersion", "recipientAccountId"),
    *("sharedEventID", "vpcEndpointId", "eventCategory", "sessionCredentialFromConsole"),
)
_FLAGS: Final = ("readOnly", "managementEvent")
_DOCUMENTS: Final = (
    *("requestParameters", "responseElements", "additionalEventData", "resources"),
    *("serviceEventDetails", "tlsDetails"),
)


def _texts(*names: str) -> str:
    return ", ".join(f"{name} Nullable(String)" for name in names)


_IDENTITY: Final = (
    f"Tuple({_texts('type', 'principalId', 'arn', 'accountId', 'accessKeyId', 'userName', 'invokedBy')}, "
    f"{_texts('identityProvider', 'credentialId')}, sessionContext Tuple("
    f"sessionIssuer Tuple({_texts('type', 'principalId', 'arn', 'accountId', 'userName')}), "
    f"{_texts('webIdFederationData')}, attributes Tuple({_texts('creationDate', 'mfaAuthenticated')}), "
    f"{_texts('sourceIdentity', 'ec2RoleDelivery', 'assumedRoot')}))"
)


def select(folder: str, way: str) -> str:
    """Return the query for all columns of all records."""
    files = f"{folder}/**/*.json.gz"
    if way == "typed":
        flags = ", ".join(f"{name} Nullable(Bool)" for name in _FLAGS)
        record = f"Tuple(userIdentity {_IDENTITY}, {_texts(*_TEXTS, *_DOCUMENTS)}, {flags})"
        source = f"SELECT arrayJoin(Records) AS record FROM file('{files}', JSONEachRow, 'Records Array({record})')"
        # Not `record.eventName AS eventName, …`: that takes twice as long, and nothing else names the columns better.
        return f"SELECT untuple(record) FROM ({source})"
    columns = ", ".join(
        [
            f"JSONExtract(record, 'userIdentity', '{_IDENTITY}') AS userIdentity",
            *(f"JSONExtract(record, '{name}', 'Nullable(String)') AS {name}" for name in _TEXTS),
            *(f"JSONExtract(record, '{name}', 'Nullable(Bool)') AS {name}" for name in _FLAGS),
            *(f"JSONExtractRaw(record, '{name}') AS {name}" for name in _DOCUMENTS),
        ]
    )
    records = "SELECT arrayJoin(JSONExtractArrayRaw(line, 'Records')) AS record"
    return f"SELECT {columns} FROM ({records} FROM file('{files}', LineAsString, 'line String'))"


def main() -> None:
    """Read, write; print how many rows."""
    folder, output, way = sys.argv[1:]
    chdb = importlib.import_module("chdb")
    chdb.query(
        f"{select(folder, way)} INTO OUTFILE '{output}' FORMAT Parquet SETTINGS "
        "output_format_parquet_compression_method = 'zstd', input_format_json_read_objects_as_strings = 1"
    )
    sys.stdout.write(str(chdb.query(f"SELECT count() FROM file('{output}')", "TSV")))


if __name__ == "__main__":
    main()
