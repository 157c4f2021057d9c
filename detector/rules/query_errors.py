"""What DuckDB says of a rule's or a person's query, as an error for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from detector.errors import RuleQueryError, UsageError
from detector.rules.dialects import hint_of
from detector.rules.rule import Rule
from detector.rules.sql_check import first_line

_LOOK_AT_FEWER = "look at fewer accounts or days at once"


class TooManyFindings(RuleQueryError):  # noqa: N818 - says what happened
    """A rule returned more rows than allowed."""


class OutOfMemory(RuleQueryError):  # noqa: N818 - says what happened
    """A rule needed more memory than what ran beside it had left."""


@contextmanager
def as_out_of_memory() -> Iterator[None]:
    """Say in one line that what rules read finds no room.

    Raises:
        OutOfMemory: so it is.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        message = "the views that rules read need more memory than they may take"
        raise OutOfMemory(message, hint=_LOOK_AT_FEWER) from error


def batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a result.

    Raises:
        UsageError: a row cannot be made.
    """
    with as_usage_error():
        yield from reader


@contextmanager
def as_errors_of(rule: Rule, time_limit_seconds: float) -> Iterator[None]:
    """Turn what DuckDB, Arrow or a check say of a rule's query into errors for people.

    Raises:
        OutOfMemory: it found too little.
        RuleQueryError: the time was over, or anything else.
    """
    try:
        yield
    except duckdb.InterruptException as error:
        hint = "--rule-seconds gives it more" if rule.is_shipped else "make the rule cheaper"
        raise RuleQueryError(f"{rule.path}: stopped after {time_limit_seconds:g} seconds", hint=hint) from error
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(f"{rule.path}: {first_line(error)}", hint=_LOOK_AT_FEWER) from error
    # ValueError: a contract error, or a time that Python cannot hold.
    except (duckdb.Error, pa.ArrowException, ValueError, OverflowError) as error:
        hint = f"`detector rules check {rule.path.parent}` runs its examples"
        raise RuleQueryError(f"{rule.path}: {first_line(error)}", hint=hint) from error


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Turn DuckDB's errors about a query into ours."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        message = first_line(error)
        raise UsageError(
            f"the query failed: {message}",
            hint=hint_of(message) or 'columns: "DESCRIBE events", "DESCRIBE candidates"',
        ) from error
