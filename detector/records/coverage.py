"""From when to when there are events, of each account and region: what was, or was not, recorded.

pyarrow is imported when it is needed first: the process that lists and commits does without.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# (account that the record was delivered to, region) → (first, last) event time, aware, UTC.
Spans = dict[tuple[str | None, str | None], tuple[datetime, datetime]]


def place(recipient: str | None, caller: str | None, region: str | None) -> tuple[str | None, str | None]:
    """Return of which account and region a record is, given recipientAccountId, userIdentity.accountId, awsRegion."""
    return recipient or caller or None, region


def merge_spans(spans: Spans, others: Mapping[tuple[str | None, str | None], tuple[datetime, datetime]]) -> None:
    """Widen `spans` by `others`."""
    for place, (first, last) in others.items():
        known = spans.get(place)
        spans[place] = (first, last) if known is None else (min(first, known[0]), max(last, known[1]))


def spans_of(events: pa.Table) -> Spans:
    """Return the spans of events in the `EVENTS` schema, as the view `spans` in queries/_views.sql has them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    recipient = events.column("recipientAccountId")
    caller = pc.struct_field(events.column("userIdentity"), "accountId")
    account = pc.coalesce(
        *(pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column) for column in (recipient, caller))
    )
    places = pa.table([account, events.column("awsRegion"), events.column("eventTime")], ["account", "region", "time"])
    grouped = places.group_by(["account", "region"]).aggregate([("time", "min"), ("time", "max")])
    return {
        (row["account"], row["region"]): (row["time_min"].replace(tzinfo=UTC), row["time_max"].replace(tzinfo=UTC))
        for row in grouped.to_pylist()
    }


def spans_table(spans: Spans) -> pa.Table:
    """Return spans as the view `spans` is to be."""
    import pyarrow as pa

    schema = pa.schema(
        [
            pa.field("account_id", pa.string()),
            pa.field("region", pa.string()),
            pa.field("first_event_time", pa.timestamp("us")),
            pa.field("last_event_time", pa.timestamp("us")),
        ]
    )
    rows = [
        {
            "account_id": account,
            "region": region,
            "first_event_time": first.replace(tzinfo=None),
            "last_event_time": last.replace(tzinfo=None),
        }
        for (account, region), (first, last) in spans.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def create_spans(connection: duckdb.DuckDBPyConnection, table: pa.Table) -> None:
    """Create the table `spans`, which takes the view's place; unlike what is registered, all connections see it."""
    connection.register("_spans", table)
    connection.execute("CREATE TABLE spans AS FROM _spans")
    connection.unregister("_spans")
