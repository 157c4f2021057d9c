"""The names of output formats; apart from what writes them, which takes long to import."""

from __future__ import annotations

from enum import StrEnum


class AlertFormat(StrEnum):
    """How alerts are written."""

    NATIVE = "native"  # JSONL, schema detector.alert/1
    OCSF = "ocsf"  # Detection Finding, JSONL
    ECS = "ecs"  # Elastic Common Schema, JSONL
    HEC = "hec"  # Splunk HTTP Event Collector, JSONL
    ASFF = "asff"  # AWS Security Finding Format, JSONL
    CEF = "cef"  # Common Event Format in RFC 5424 syslog
    CSV = "csv"
    TABLE = "table"  # for a terminal


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
