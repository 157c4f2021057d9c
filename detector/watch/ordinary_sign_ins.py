"""Sign-ins of users and roles, which no shipped rule looks at: of each a few bytes are kept, and not its row.

Three things bring one back into the answer: another record has its eventID and differs, or is a later edition of it, or
its caller had stopped a trail. The first two are told by what is kept; the row is then read from the lake.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from detector.lake.copies import CONTENT
from detector.records.schema import EVENTS

# Around a SELECT of rows as they are in the log. The text behind `root` may be any member that has no column.
WITH_ORDINARY = f"""
SELECT
    *,
    coalesce(
        starts_with(eventSource, 'signin.')
        AND eventName IN ('ConsoleLogin', 'CheckMfa', 'SwitchRole', 'ExitRole', 'RenewRole', 'GetSigninToken')
        AND lower(userIdentity.type) <> 'root'
        AND lower(coalesce(userIdentity.sessionContext.sessionIssuer.type, '')) <> 'root'
        AND NOT contains(lower(coalesce(extra, '')), 'root')
        AND addendum IS NULL,
        false
    ) AS is_ordinary,
    CASE WHEN starts_with(logFile, 's3://') THEN split_part(logFile, '/', 3) END AS bucket,
    field(unquoted(addendum), 'originalEventID') AS original_key,
    {CONTENT} AS digest,
    CAST('0x' || left(digest, 16) AS UBIGINT) AS content
FROM ({{}}) AS row
"""  # noqa: S608 - our own words
_ENTRIES = """
CREATE OR REPLACE TEMP TABLE entries AS
SELECT eventKey AS text, hash(eventKey) AS key, content, is_ordinary FROM found
UNION
-- Whoever comes with this key differs from it.
SELECT original_key, hash(original_key), 0, false FROM found WHERE original_key IS NOT NULL
"""
_TO_READ = """
SELECT DISTINCT entries.text
FROM entries
INNER JOIN (FROM seen UNION ALL SELECT key, content, is_ordinary FROM entries) AS other USING (key)
WHERE
    other.content <> entries.content
    AND (other.is_ordinary OR entries.is_ordinary)
"""


class OrdinarySignIns:
    """Those that were met in one lake; close it in the end."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("CREATE TABLE seen (key UBIGINT, content UBIGINT, is_ordinary BOOLEAN)")
        self._buckets: set[str] = set()
        self.to_read: set[str] = set()  # the eventKeys of rows that come into question

    def close(self) -> None:
        """Forget all."""
        self._connection.close()

    def set_aside(self, found: pa.Table) -> pa.Table:
        """Return the rows to keep of those that WITH_ORDINARY tells of, in the `EVENTS` schema."""
        self._connection.register("found", found.select(["eventKey", "original_key", "content", "is_ordinary"]))
        self._connection.execute(_ENTRIES)
        self._connection.unregister("found")
        self.to_read.update(text for (text,) in self._connection.execute(_TO_READ).fetchall())
        self._connection.execute("INSERT INTO seen SELECT key, content, is_ordinary FROM entries")
        kept = found.filter(pc.invert(found.column("is_ordinary")))
        # A rule learns from the rows which buckets were read: one of each is enough.
        buckets = found.column("bucket")
        new = set(buckets.drop_null().unique().to_pylist()) - self._buckets
        self._buckets |= new
        first = [found.slice(pc.index(buckets, bucket).as_py(), 1) for bucket in sorted(new)]
        return pa.concat_tables([kept, *first]).select(EVENTS.names).cast(EVENTS)
