"""The time that events took to arrive, by account and region, as far as the lake can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from detector.lake.ledger.ledger import Ledger
from detector.lake.place import LakePlace
from detector.lake.reader import read_lake
from detector.lake_layout import LEDGER
from detector.sources.keys import parse_key

_DELIVERIES = pa.schema(
    [
        pa.field("logFile", pa.string()),
        pa.field("stored", pa.timestamp("us")),
        pa.field("named", pa.timestamp("us")),
    ]
)
_OBJECTS_A_BATCH = 50_000
_LOG_FILES = "SELECT DISTINCT logFile FROM parts"
# Events are counted by whole seconds of lag first: percentiles of a hundred million rows need no more memory than that.
_LAGS = """
WITH measured AS (
    UNPIVOT (
        SELECT
            parts.recipientAccountId AS account,
            parts.awsRegion AS region,
            date_diff('second', parts.eventTime, deliveries.stored) AS stored,
            date_diff('second', parts.eventTime, deliveries.named) AS named
        FROM parts
        JOIN deliveries USING (logFile)
    )
    ON stored, named INTO NAME measure VALUE seconds
),
counted AS (SELECT account, region, measure, seconds, count(*) AS records FROM measured GROUP BY ALL),
ranked AS (
    SELECT
        *,
        sum(records) OVER (PARTITION BY account, region, measure ORDER BY seconds) AS up_to,
        sum(records) OVER (PARTITION BY account, region, measure) AS total
    FROM counted
)
SELECT
    account,
    region,
    measure,
    CAST(any_value(total) AS BIGINT),
    min(seconds) FILTER (WHERE up_to >= 0.50 * total),
    min(seconds) FILTER (WHERE up_to >= 0.95 * total),
    max(seconds)
FROM ranked
GROUP BY account, region, measure
ORDER BY account NULLS FIRST, region NULLS FIRST, measure DESC
"""


@dataclass(frozen=True, slots=True)
class LagRow:
    """From eventTime to delivery, in whole seconds, over the records of one account and region.

    `stored`: to the object's LastModified in S3. `named`: to the minute in the file's name, which CloudTrail rounds and
    which can lie before the event.
    """

    account: str | None
    region: str | None
    measure: str  # stored or named
    records: int  # every copy of an event counts: each was delivered
    p50_seconds: int
    p95_seconds: int
    max_seconds: int


def lake_lag(lake: Path | LakePlace) -> list[LagRow]:
    """Measure the delivery of every record whose object tells when it came.

    Raises:
        LakeError: there is no lake.
    """
    files = read_lake(lake).with_copies()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        files.attach(connection)
        connection.register("_deliveries", _deliveries(files.directory, connection))
        connection.execute("CREATE TABLE deliveries AS SELECT * FROM _deliveries")
        return [LagRow(*row) for row in connection.sql(_LAGS).fetchall()]


def _deliveries(lake: Path, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return when each log object came, from the ledger, or from the names alone when there is none."""
    rows = _from_ledger(lake) if (lake / LEDGER).exists() else _from_names(connection)
    batches = []
    while some := list(islice(rows, _OBJECTS_A_BATCH)):  # a million objects as Python dictionaries are a gigabyte
        batches.append(pa.RecordBatch.from_pylist(some, schema=_DELIVERIES))
    return pa.Table.from_batches(batches, schema=_DELIVERIES)


def _from_ledger(lake: Path) -> Iterator[dict[str, object]]:
    ledger = Ledger.open(lake, writable=False)
    try:
        for one in ledger.objects():
            # A local file's time is that of its copying.
            stored = one.last_modified if one.uri.startswith("s3://") else None
            yield _delivery(one.uri) | {"stored": stored.replace(tzinfo=None) if stored else None}
    finally:
        ledger.close()


def _from_names(connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, object]]:
    for (uri,) in connection.sql(_LOG_FILES).fetchall():
        yield _delivery(uri)


def _delivery(uri: str) -> dict[str, object]:
    named = parse_key(uri).delivered_at
    return {"logFile": uri, "named": named.replace(tzinfo=None) if named else None}
