"""Write the rows of an ad-hoc query: for people, for jq, for a spreadsheet, for other programs."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from detector.alerts.sinks.local import forget_standard_output
from detector.cli.choices import QueryFormat
from detector.cli.tables import fitted_lines
from detector.errors import OutputClosed, SinkError, UsageError
from detector.text import spreadsheet_cell, table_lines
from detector.times import rfc3339

_TABLE_ROWS = 1_000


def write_rows(reader: pa.RecordBatchReader, form: QueryFormat, output: Path | None) -> int:
    """Write all rows to a file, or to standard output, and return how many there were.

    Raises:
        UsageError: Parquet to standard output, or the query fails while it is read.
        SinkError: the file cannot be written.
    """
    if form is QueryFormat.PARQUET:
        return _write_parquet(reader, output)
    with open_output(output) as file:
        count = 0
        for chunk, rows in _FORMATS[form](reader, is_shown=output is None):
            file.write(chunk.encode("utf-8", "backslashreplace"))
            count += rows
        return count


def _write_parquet(reader: pa.RecordBatchReader, output: Path | None) -> int:
    if output is None:
        raise UsageError("Parquet is not for a terminal", hint="add --output FILE.parquet")
    count = 0
    with open_output(output) as file, pq.ParquetWriter(file, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _table(reader: pa.RecordBatchReader, *, is_shown: bool) -> Iterator[tuple[str, int]]:
    rows: list[list[object]] = []
    for row in _rows(reader):
        rows.append([value if isinstance(value, int) else _text(value) for value in row.values()])
        if len(rows) > _TABLE_ROWS:
            break
    lines = list((fitted_lines if is_shown else table_lines)(reader.schema.names, rows[:_TABLE_ROWS]))
    if len(rows) > _TABLE_ROWS:
        lines.append(f"… more than {_TABLE_ROWS:,} rows; --format jsonl, csv or parquet writes all")
    yield "".join(line + "\n" for line in lines), min(len(rows), _TABLE_ROWS)


def _jsonl(reader: pa.RecordBatchReader, *, is_shown: bool) -> Iterator[tuple[str, int]]:  # noqa: ARG001
    for row in _rows(reader):
        yield json.dumps(row, default=_json_value) + "\n", 1


def _csv(reader: pa.RecordBatchReader, *, is_shown: bool) -> Iterator[tuple[str, int]]:  # noqa: ARG001
    yield _csv_line(reader.schema.names), 0
    for row in _rows(reader):
        yield _csv_line([_text(value) for value in row.values()]), 1


def _csv_line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(map(spreadsheet_cell, cells))
    return buffer.getvalue()


def _rows(reader: pa.RecordBatchReader) -> Iterator[dict[str, Any]]:
    for batch in reader:
        yield from batch.to_pylist()


def _text(value: Any) -> str:  # noqa: ANN401 - any column value
    match value:
        case None:
            return ""
        case str():
            return value
        case datetime():
            return rfc3339(value)
        case list() | dict() | bool():
            return json.dumps(value, default=_json_value)
        case _:
            return str(value)


def _json_value(value: Any) -> Any:  # noqa: ANN401 - any column value
    match value:
        case datetime():
            return rfc3339(value)
        case date() | time():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes():
            return value.hex()
        case _:
            return str(value)


_FORMATS = {QueryFormat.TABLE: _table, QueryFormat.JSONL: _jsonl, QueryFormat.CSV: _csv}


@contextmanager
def open_output(output: Path | None) -> Iterator[BinaryIO]:
    """Open a file to write to, or standard output.

    Raises:
        SinkError: it cannot be written to.
        OutputClosed: the reader of standard output has gone.
    """
    try:
        if output is None:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            with output.open("wb") as file:
                yield file
    except BrokenPipeError as error:
        forget_standard_output()
        raise OutputClosed("the reader of standard output has gone") from error
    except OSError as error:
        raise SinkError(f"cannot write {output or 'standard output'}: {error.strerror or error}") from error
