"""The candidate cache of `watch`: the events of the lake that rules can want, and the lake's coverage.

The rows are those that the views themselves pick out (`candidates` of queries/_views, over the parts that are new),
and what the shipped rules read beside them: CloudTrail's checks of the buckets that it delivers to, and everything that
a caller did between stopping a trail and starting it again. Where there are no rules but these, the sign-ins that none
of them looks at are left out (`ordinary_sign_ins.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from detector.lake.integrity import LakeIntegrity
from detector.lake.part import Part
from detector.lake.part_files import read_part
from detector.lake.reader import Snapshot, read_lake
from detector.records.coverage import Coverage, coverage_of, coverage_table, merge_coverage
from detector.records.schema import EVENTS
from detector.rules.candidates import candidates
from detector.rules.engine import Engine
from detector.rules.engine_queries import AS_LOGGED
from detector.rules.events import TableEvents, each_once
from detector.rules.trail_gaps import TrailGap, calls_in_gaps, trail_gaps
from detector.watch.ordinary_sign_ins import WITH_ORDINARY, OrdinarySignIns

_RAW = ", ".join(f'"{name}"' for name in EVENTS.names)
# Which edition of an event is shown is decided over all that are kept, like which copy.
_CANDIDATES = f"""
SELECT {AS_LOGGED} FROM candidates
UNION ALL
SELECT {_RAW} FROM events SEMI JOIN (FROM editions WHERE is_earlier) AS earlier USING (logFile, logFileIndex)
"""  # noqa: S608 - column names of our own
_OF_KEYS = "SELECT * FROM ({}) WHERE list_contains($keys, eventKey)"
# CloudTrail checks each bucket every few hours; once is enough to know that it is a trail's.
_BUCKET_CHECKS = f"""
SELECT {_RAW}
FROM bucket_checks ANTI JOIN candidates USING (logFile, logFileIndex)
WHERE NOT list_contains($known, requestParameters)
QUALIFY row_number() OVER (PARTITION BY requestParameters ORDER BY logFile, logFileIndex) = 1
"""  # noqa: S608
_COVERAGE = "SELECT account_id, region, first_event_time, last_event_time FROM coverage"
_SWITCHES = {"StopLogging", "StartLogging"}
_MANY_PIECES = 64
_ROWS_AT_ONCE = 100_000


class CandidateCache:
    """The candidates of one lake in memory; `watch` must pass on every commit.

    Args:
        lake: its directory.
        keeps_sign_ins: there are rules beside the shipped ones, which may look at any candidate.
    """

    def __init__(self, lake: Path, *, keeps_sign_ins: bool = False) -> None:
        self._lake = lake.resolve()
        self._ordinary = None if keeps_sign_ins else OrdinarySignIns()
        self._tables: list[pa.Table] = [EVENTS.empty_table()]
        self._coverage: Coverage = {}
        self._gaps: frozenset[TrailGap] = frozenset()
        self._bucket_checks: set[str | None] = set()
        # Kept from batch to batch: to make the views takes longer than to look through a batch.
        self._batch_engine = Engine(TableEvents(EVENTS.empty_table(), hides_copies=False), threads=1)

    def close(self) -> None:
        """Close the engine that filters new parts, and what else is open."""
        self._batch_engine.close()
        if self._ordinary is not None:
            self._ordinary.close()

    @classmethod
    def of_lake(cls, lake: Path, *, keeps_sign_ins: bool = False) -> Self:
        """Read a lake once.

        Raises:
            LakeError: it cannot be read.
        """
        memory = cls(lake, keeps_sign_ins=keeps_sign_ins)
        files = read_lake(lake, candidates().digest)
        with Engine(_with_every_copy(files)) as engine:
            memory._take_over(engine)
            coverage = engine.query(_COVERAGE).read_all().to_pylist()
        merge_coverage(memory._coverage, {(row["account_id"], row["region"]): _span(row) for row in coverage})
        return memory

    @property
    def rows(self) -> int:
        """How many rows are kept, further copies of events among them."""
        return sum(table.num_rows for table in self._tables)

    def add(self, parts: Iterable[Part]) -> bool:
        """Take over the candidates among the rows of new parts; tell whether there were any.

        Raises:
            LakeError: they cannot be read.
        """
        waiting = list(parts)
        rows = 0
        while waiting:
            tables: list[pa.Table] = []
            while waiting and sum(table.num_rows for table in tables) < _ROWS_AT_ONCE:
                part = waiting.pop()
                tables.append(read_part(self._lake / part.path))
                merge_coverage(self._coverage, coverage_of(tables[-1]) if part.coverage is None else part.coverage)
            self._batch_engine.replace_events(TableEvents(pa.concat_tables(tables), hides_copies=False))
            rows += self._take_over(self._batch_engine)
        return rows > 0

    def events(self, integrity: LakeIntegrity | None = None) -> TableEvents:
        """Return the events for the rules, with what digests say of their files."""
        return TableEvents(pa.concat_tables(self._tables), coverage_table(self._coverage), integrity=integrity)

    def _take_over(self, engine: Engine) -> int:
        """Keep the candidates among an engine's events; return the number of rows."""
        checks = _rows(engine, _BUCKET_CHECKS, known=[text for text in self._bucket_checks if text is not None])
        self._bucket_checks.update(checks.column("requestParameters").to_pylist())
        found = [*self._candidates(engine), checks, calls_in_gaps(engine, self._gaps)]
        new = each_once(pa.concat_tables(found))
        self._keep(new)
        in_question = self._in_question()
        if not _SWITCHES.isdisjoint(new.column("eventName").unique().to_pylist()):
            self._look_for_gaps()
        return int(new.num_rows + in_question)

    def _candidates(self, engine: Engine) -> Iterator[pa.Table]:
        """Yield the candidates to keep among an engine's events."""
        if self._ordinary is None:
            yield _rows(engine, _CANDIDATES)
            return
        for batch in engine.query(WITH_ORDINARY.format(_CANDIDATES)):
            yield self._ordinary.set_aside(pa.Table.from_batches([batch]))

    def _in_question(self) -> int:
        """Fetch what was left out, and is of interest by what has come now; return the number of rows."""
        if self._ordinary is None or not self._ordinary.to_read:
            return 0
        with Engine(_with_every_copy(read_lake(self._lake))) as engine:
            found = _rows(engine, _OF_KEYS.format(_CANDIDATES), keys=sorted(self._ordinary.to_read))
        self._ordinary.to_read.clear()
        self._add_once(found)
        return int(found.num_rows)

    def _look_for_gaps(self) -> None:
        """Fetch what callers did while a trail that was started again had been stopped, as far as it is in the lake."""
        gaps = frozenset(trail_gaps(pa.concat_tables(self._tables)))
        new = gaps - self._gaps
        self._gaps = gaps
        if new:
            with Engine(_with_every_copy(read_lake(self._lake))) as engine:
                self._add_once(calls_in_gaps(engine, new))

    def _add_once(self, found: pa.Table) -> None:
        self._tables = [each_once(pa.concat_tables([*self._tables, found]))]

    def _keep(self, table: pa.Table) -> None:
        if table.num_rows:
            self._tables.append(table)
        if len(self._tables) > _MANY_PIECES:
            self._tables = [pa.concat_tables(self._tables).combine_chunks()]


def _rows(engine: Engine, sql: str, **parameters: object) -> pa.Table:
    return engine.query(sql, parameters or None).read_all().cast(EVENTS)


def _with_every_copy(files: Snapshot) -> Snapshot:
    """Return a lake in which no copy of an event is hidden: which is shown is decided over all that are kept."""
    unclassified = files.events if files.unclassified is None else files.unclassified
    return replace(
        files.with_copies(),
        duplicates=(),
        searches=(),
        unclassified=unclassified + files.copies,
        candidates=files.candidates,
    )


def _span(row: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return row["first_event_time"].replace(tzinfo=UTC), row["last_event_time"].replace(tzinfo=UTC)
