"""chDB (ClickHouse): what root did, straight from the log files. Arguments: FOLDER WAY, as for chdb_parquet."""

# ruff: noqa: S608 - the benchmark's own paths
from __future__ import annotations

import importlib
import sys
from typing import Final

_COLUMNS: Final = ("eventTime", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "recipientAccountId")


def select(folder: str, way: str) -> str:
    """Return the query for six columns of root's events."""
    files = f"{folder}/**/*.json.gz"
    if way == "typed":
        record = f"Tuple(userIdentity Tuple(type String), {', '.join(f'{name} String' for name in _COLUMNS)})"
        source = f"SELECT arrayJoin(Records) AS record FROM file('{files}', JSONEachRow, 'Records Array({record})')"
        columns = ", ".join(f"record.{name}" for name in _COLUMNS)
        return f"SELECT {columns} FROM ({source}) WHERE record.userIdentity.type = 'Root'"
    records = "SELECT arrayJoin(JSONExtractArrayRaw(line, 'Records')) AS record"
    lines = f"{records} FROM file('{files}', LineAsString, 'line String')"
    columns = ", ".join(f"JSONExtractString(record, '{name}') AS {name}" for name in _COLUMNS)
    return f"SELECT {columns} FROM ({lines}) WHERE JSONExtractString(record, 'userIdentity', 'type') = 'Root'"


def main() -> None:
    """Print how many rows the query has."""
    chdb = importlib.import_module("chdb")
    rows = str(chdb.query(select(*sys.argv[1:]), "TSV"))
    sys.stdout.write(f"{len(rows.splitlines())}\n")


if __name__ == "__main__":
    main()
