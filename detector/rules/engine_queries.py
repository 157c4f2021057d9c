"""The engine's own questions to the views."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pyarrow as pa

from detector.records.rebuild import record_sql
from detector.records.schema import EVENTS

if TYPE_CHECKING:
    from detector.rules.finding import Finding

# Documents of which the views take the quotes off when they are text inside a string, and keep what was logged.
_DOCUMENTS = {"requestParameters", "responseElements", "additionalEventData"}


def _as_logged(name: str) -> str:
    return f'coalesce(logged_texts."{name}", "{name}")' if name in _DOCUMENTS else f'"{name}"'


# The columns of `records.schema.EVENTS` of rows of `candidates` and `all_events`, as they are in the log.
AS_LOGGED = ", ".join(f'{_as_logged(name)} AS "{name}"' for name in EVENTS.names)

# Whoever floods a rule must not hide what others do, nor what comes later: callers take turns, each with their newest.
NEWEST_OF_EACH_CALLER = """
WITH found AS (
{}
),

callers AS (SELECT event_key, any_value(caller) AS caller FROM candidates GROUP BY event_key)

SELECT found.*
FROM found
LEFT JOIN callers ON callers.event_key = found.event_ids[1]
ORDER BY
    row_number() OVER (
        PARTITION BY found.account_id, callers.caller
        ORDER BY found.event_time DESC, found.summary, found.event_ids
    ),
    found.event_time DESC,
    found.summary,
    found.event_ids
"""


# A table, not parameters: of a flood there are a million.
WANTED_KEYS = "wanted_keys"
# The oldest keys of each finding, and its last one.
OLDEST_AND_LAST = """
WITH dated AS (
    SELECT
        finding,
        event_key,
        coalesce(min(event_time) FILTER (WHERE account_id IS NOT DISTINCT FROM account), min(event_time)) AS event_time
    FROM {}
    JOIN wanted_keys ON wanted_key = event_key
    GROUP BY finding, event_key
)

SELECT finding, event_key
FROM dated
QUALIFY
    row_number() OVER (PARTITION BY finding ORDER BY event_time, event_key) <= $limit
    OR row_number() OVER (PARTITION BY finding ORDER BY event_time DESC, event_key DESC) = 1
ORDER BY finding, event_time, event_key
"""


def keys_of(findings: Sequence[Finding]) -> pa.Table:
    """Return which events belong to which finding, by its number: `wanted_keys` of `OLDEST_AND_LAST`."""
    counts = [len(one.event_ids) for one in findings]
    numbers = chain.from_iterable(map(repeat, range(len(findings)), counts))
    accounts = chain.from_iterable(map(repeat, (one.account_id for one in findings), counts))
    keys = chain.from_iterable(one.event_ids for one in findings)
    return pa.table(
        {
            "finding": pa.array(numbers, pa.int64()),
            "account": pa.array(accounts, pa.string()),
            "wanted_key": pa.array(keys, pa.string()),
        }
    )


# What `evidence.make_evidence` takes, and no more: each value of a column becomes a Python object.
# Of the few that SQL cannot put together again, the row.
_ROW = ", ".join(f'"{name}" := {_as_logged(name)}' for name in EVENTS.names)
_EVIDENCE = f"""logFile,
    logFileIndex,
    CASE WHEN extra IS NULL THEN {record_sql(_as_logged)} END AS record,
    CASE WHEN extra IS NOT NULL THEN struct_pack({_ROW}) END AS "row",
    eventKey,
    addendum IS NOT NULL AS has_addendum,
    event_key,
    account_id,
    recipient_account_id,
    event_time,
    region,
    actor_type,
    actor_arn,
    access_key_id,
    session_issuer,
    source_ip,
    user_agent,
    mfa,
    story_id(root_session) AS story"""
EVENTS_OF = f"""
SELECT
    {_EVIDENCE}
FROM all_events
WHERE event_key IN (SELECT unnest($keys))
ORDER BY logFile, logFileIndex
"""  # noqa: S608 - column names of our own
# By the number of the row, so that not every column of every row is read.
CANDIDATES_OF = f"""
SELECT
    {_EVIDENCE}
FROM candidates
WHERE rowid IN (SELECT rowid FROM candidates WHERE event_key IN (SELECT unnest($keys)))
ORDER BY logFile, logFileIndex
"""  # noqa: S608 - column names of our own

IMPLAUSIBLE_TIMES = """
SELECT DISTINCT event_time
FROM (SELECT unnest([first_event_time, last_event_time]) AS event_time FROM account_coverage)
WHERE NOT event_time BETWEEN TIMESTAMP '2013-11-01' AND CAST($latest AS TIMESTAMP)
ORDER BY event_time
"""

# The rows that are not shown for the sake of others, and for which.
COPIES = """
SELECT eventKey, logFile, logFileIndex, shownLogFile, shownLogFileIndex
FROM duplicates
WHERE eventKey IN (SELECT unnest($keys))
ORDER BY logFile, logFileIndex
"""
EARLIER_EDITIONS = """
SELECT edition_key AS "eventKey", logFile, logFileIndex, shownLogFile, shownLogFileIndex
FROM editions
WHERE
    is_earlier
    AND original_key IN (SELECT unnest($keys))
ORDER BY logFile, logFileIndex
"""
