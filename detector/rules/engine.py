"""Run rules, and people's own queries, over events, in a DuckDB that can touch nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self, cast

import duckdb
import pyarrow as pa

from detector.errors import RuleQueryError, UsageError
from detector.records.coverage import Coverage, coverage_from
from detector.rules.dialects import DIALECT_RELATIONS, Dialects, to_duckdb
from detector.rules.engine_queries import (
    CANDIDATES_OF,
    COPIES,
    EARLIER_EDITIONS,
    EVENTS_OF,
    IMPLAUSIBLE_TIMES,
    NEWEST_OF_EACH_CALLER,
    OLDEST_AND_LAST,
    WANTED_KEYS,
    keys_of,
)
from detector.rules.events import Events, TableEvents
from detector.rules.evidence import Evidence, make_evidence
from detector.rules.finding import Finding, check_columns, make_finding
from detector.rules.memory import Memory, Result
from detector.rules.needed_events import INTEGRITY
from detector.rules.query_errors import TooManyFindings, as_errors_of, as_out_of_memory, as_usage_error, batches
from detector.rules.rule import Reads, Rule, shipped_rules_directory
from detector.rules.sandbox import open_sandbox, time_limit
from detector.rules.sql_check import NotOneSelect, parse_select
from detector.rules.views import INTERNAL, Views, read_macros

# What exists before the views do. A statement over these alone does not pay for them.
RAW_RELATIONS = frozenset({"events", "parts", "duplicates"})
QUERY_MEMORY = "2GB"  # of a person's query, which may sort the whole lake
RULES_AT_A_TIME = 2  # planning one takes longer than running it, and DuckDB plans in one thread
_QUERY_ROWS = 10_000  # rows of one batch of an ad-hoc query's result


class Engine:
    """Events, the views over them, and a locked connection to query them through.

    Views are made when the first rule needs them, in one pass over the events. `RULES_AT_A_TIME` threads may run rules
    side by side once `prepare` has been called; nothing else is for two threads at once.

    Args:
        events: where the events come from; it is attached at once.
        definitions: the directory of `_views`; default: that of the shipped rules.
        threads: DuckDB's, default the cores.
        memory_limit: for all queries, as DuckDB writes it; beyond it rows go to a temporary directory.
        time_limit_seconds: for one rule.
        row_cap: findings of one rule.
        few_rows: there are so few that planning costs more than running.
        rules_at_a_time: in as many threads; at most `RULES_AT_A_TIME`.
    """

    def __init__(
        self,
        events: Events,
        *,
        definitions: Path | None = None,
        threads: int | None = None,
        memory_limit: str | None = None,
        time_limit_seconds: float = 60,
        row_cap: int = 100_000,
        few_rows: bool = False,
        rules_at_a_time: int = RULES_AT_A_TIME,
    ) -> None:
        self._events = events
        self._time_limit_seconds = time_limit_seconds
        self._row_cap = row_cap
        self._spill = tempfile.TemporaryDirectory(prefix="detector-")
        try:
            self._connections = open_sandbox(
                events,
                Path(self._spill.name),
                1 if few_rows else threads,
                memory_limit,
                connections=1 if rules_at_a_time == 1 else 1 + rules_at_a_time,
                plans_cheaply=few_rows,
            )
            self._connection, *others = self._connections
            self._memory = Memory(self._connection)
            self._free: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
            for connection in others or self._connections:
                self._free.put(connection)
            self._directory = definitions or shipped_rules_directory()
            self._connection.execute(read_macros(self._directory))
            self._views = Views(self._connection, self._directory)
            self._dialects = Dialects(self._connection, self._directory)
            self._unmade: dict[str, Exception] = {}  # by the id of the rule: why it cannot be run
        except BaseException:
            self._spill.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and remove what it spilled."""
        for connection in reversed(self._connections):
            connection.close()
        self._spill.cleanup()

    def interrupt(self) -> None:
        """End what runs, from another thread."""
        for connection in self._connections:
            connection.interrupt()

    def replace_events(self, events: TableEvents) -> None:
        """Put other events in place of these: for many small tables in a row, each of which would need an engine.

        Only for an engine over `TableEvents`, and with coverage in place of coverage.
        """
        self._views.make()
        self._attach(events)
        self._views.outdate()

    def prepare(self, *rules: Rule) -> None:
        """Make candidates, and what some rules read, now and not when the first of them needs it.

        What cannot be made of the latter is an error of the rules that read it.
        """
        self._update_for("candidates")
        for rule in rules:
            try:
                self._update(rule)
            except (duckdb.Error, RuleQueryError) as error:
                self._unmade[rule.id] = error

    def occurring(self) -> frozenset[str | None]:
        """Return the names of candidates, and `INTEGRITY` where somebody has asked for digests."""
        names = {row["event_name"] for row in self.select("SELECT DISTINCT event_name FROM candidates")}
        return frozenset(names if self._events.integrity is None else names | {INTEGRITY})

    def run(self, rule: Rule) -> list[Finding]:
        """Return what one rule finds, oldest first.

        Raises:
            RuleQueryError: DuckDB refuses the SQL, the time limit is over, or the result breaks the contract.
            OutOfMemory: it may find something when nothing runs beside it.
            TooManyFindings: there are more than the cap; `newest` goes through them.
        """
        with as_errors_of(rule, self._time_limit_seconds):
            if error := self._unmade.pop(rule.id, None):
                raise error
            self._update(rule)
            found = self._memory.suffices_for(lambda: self._found(rule))
            if found.num_rows > self._row_cap:
                raise TooManyFindings(f"{rule.path}: more than {self._row_cap} findings")
            return sorted((make_finding(rule, row) for row in found.to_pylist()), key=lambda finding: finding.order)

    def _found(self, rule: Rule) -> pa.Table:
        with self._free_connection() as connection, time_limit(connection, self._time_limit_seconds):
            # A statement is planned once; a relation to tell its columns, and again to be run.
            connection.execute(f"(\n{rule.sql}\n) LIMIT {self._row_cap + 1}")
            columns = connection.description or []
            check_columns([column[0] for column in columns], [str(column[1]) for column in columns])
            # Through Arrow, not fetchall(): DuckDB needs pytz to build TIMESTAMPTZ values.
            return cast("pa.Table", connection.to_arrow_table())

    def newest(self, rule: Rule) -> Iterator[Finding]:
        """Yield all that one rule finds, however many: callers take turns, each with their newest.

        Raises:
            RuleQueryError: as of `run`.
        """
        with as_errors_of(rule, self._time_limit_seconds):
            self._update(rule)
            with time_limit(self._connection, self._time_limit_seconds):  # sorting ends before the first row comes
                reader = self._connection.sql(NEWEST_OF_EACH_CALLER.format(rule.sql)).to_arrow_reader(_QUERY_ROWS)
                batch = next(reader, None)
            while batch is not None:
                yield from (make_finding(rule, row) for row in batch.to_pylist())
                batch = next(reader, None)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.RecordBatchReader:
        """Run one SELECT of a person's over `events`, the views, and files of the lake.

        Args:
            sql: the SELECT; it may be written for Athena, CloudTrail Lake or Tailpipe.
            parameters: the values of its named parameters.

        Returns:
            The result, computed as it is read. Read it before the next call.

        Raises:
            UsageError: the text is not one SELECT that only reads, or DuckDB refuses it; also while reading.
        """
        try:
            sql = to_duckdb(sql, self._directory)
            statement = parse_select(sql)
        except NotOneSelect as error:
            raise UsageError(
                f"the query {error}", hint='try "SELECT eventName, count(*) FROM events GROUP BY ALL"'
            ) from error
        if statement.describes_tables or not statement.tables <= RAW_RELATIONS | DIALECT_RELATIONS:
            self._with_memory(self._views.make)  # so that DuckDB can say which name was meant
            self._update_for(None if statement.describes_tables else sql)
        with as_usage_error():
            self._dialects.make(statement)
            relation = self._connection.sql(sql, params=parameters)
            if statement.lists_tables:
                relation = relation.filter(f"name NOT IN {INTERNAL}")
            reader = relation.to_arrow_reader(_QUERY_ROWS)
        return pa.RecordBatchReader.from_batches(reader.schema, batches(reader))

    def keep(self, name: str, sql: str) -> None:
        """Keep the rows of one of our own SELECTs in a table, in place of those of before, for later ones to read."""
        self._update_for(sql)
        with as_usage_error():
            self._memory.suffices_for(lambda: self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS\n{sql}"))

    def select(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        """Return the rows of one of our own SELECTs, in which parameters stand by name."""
        self._update_for(sql)
        rows = self._with_memory(lambda: self._connection.sql(sql, params=parameters or None).to_arrow_table())
        return list(rows.to_pylist())

    def evidence(self, event_keys: Iterable[str]) -> dict[str, tuple[Evidence, ...]]:
        """Return the events of the given keys; keys that no event has are left out.

        Several events share a key only where records of different recipient accounts have one eventID.
        """
        keys = sorted(set(event_keys))
        rows = self.select(CANDIDATES_OF, keys=keys)
        seen = {row["event_key"] for row in rows}
        if rest := [key for key in keys if key not in seen]:
            rows += self.select(EVENTS_OF, keys=rest)
        is_edition = any(row["has_addendum"] for row in rows)  # asked first, since each question takes its time
        hidden = self.select(EARLIER_EDITIONS, keys=keys) if is_edition else []
        hidden += self.select(COPIES, keys=sorted({row["eventKey"] for row in (*rows, *hidden)}))
        return make_evidence(rows, hidden)

    def oldest_and_last(self, findings: Sequence[Finding], limit: int) -> list[list[str]]:
        """Return the keys of the oldest events of each finding, at most `limit`, and of its last; rules read alike."""
        shown: list[list[str]] = [[] for _ in findings]
        relation = "candidates" if findings[0].rule.reads is Reads.CANDIDATES else "all_events"
        # One question for all of them: it goes through all events.
        self._connection.register(WANTED_KEYS, keys_of(findings))
        for row in self.select(OLDEST_AND_LAST.format(relation), limit=limit):
            shown[row["finding"]].append(row["event_key"])
        self._connection.unregister(WANTED_KEYS)
        return shown

    def integrity_of(self, log_file: str) -> str | None:
        """Return what digests say of the file of an event; None when nobody has asked for digests."""
        return self._events.integrity.verdict(log_file) if self._events.integrity else None

    def coverage(self) -> Coverage:
        """Return from when to when there are events, of each account and region."""
        return coverage_from(self.select("FROM coverage"))

    def accounts_without_sign_in_region(self) -> list[str]:
        """Return the accounts of whose sign-in region there are no events: root logins would not be in the data."""
        return [row["account_id"] for row in self.select("FROM accounts_without_sign_in_region ORDER BY ALL")]

    def implausible_times(self, now: datetime) -> list[datetime]:
        """Return the first and the last time of each account that lie before CloudTrail began, or a day after `now`."""
        rows = self.select(IMPLAUSIBLE_TIMES, latest=now.astimezone(UTC) + timedelta(days=1))
        return [row["event_time"].replace(tzinfo=UTC) for row in rows]

    def _update(self, rule: Rule) -> None:
        with time_limit(self._connection, self._time_limit_seconds):
            if not rule.is_shipped:
                self._with_memory(self._views.make)  # so that DuckDB can say which name was meant
            self._update_for("candidates", rule.sql)

    def _update_for(self, *texts: str | None) -> None:
        self._with_memory(lambda: self._views.update(*texts))

    def _with_memory(self, work: Callable[[], Result]) -> Result:
        with as_out_of_memory():
            return self._memory.suffices_for(work)

    def _attach(self, events: TableEvents) -> None:
        if isinstance(self._events, TableEvents):
            self._events.detach(*self._connections)
        events.attach(*self._connections)
        self._events = events

    @contextmanager
    def _free_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._free.get()
        try:
            yield connection
        finally:
            self._free.put(connection)
