"""The names of output formats; apart from what writes them, which takes long to import."""

from __future__ import annotations

from enum import StrEnum


class AlertFormat(StrEnum):
    """How alerts are written."""

    NATIVE = "native"  # JSONL, schema detector.alert/1


class QueryFormat(StrEnum):
    """How the rows of a query are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class ListFormat(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSON = "json"
