"""The names of the formats of alerts; apart from what writes them, which takes long to import."""

from __future__ import annotations

from enum import StrEnum


class AlertFormat(StrEnum):
    """A format of alerts."""

    JSONL = "jsonl"  # schema detector.alert/1
    OCSF = "ocsf"  # Detection Finding, JSONL
    ECS = "ecs"  # Elastic Common Schema, JSONL
    HEC = "hec"  # Splunk HTTP Event Collector, JSONL
    ASFF = "asff"  # AWS Security Finding Format, JSONL
    CEF = "cef"  # Common Event Format in RFC 5424 syslog
    CSV = "csv"
    TABLE = "table"  # for a terminal
