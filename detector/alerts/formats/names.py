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


class NoticeFormat(StrEnum):
    """A format of what people are told; each belongs to one kind of output, and none is for `--format`."""

    SLACK = "slack"  # Block Kit
    TEAMS = "teams"  # a message with an Adaptive Card
    PAGERDUTY = "pagerduty"  # Events API v2
    MAIL = "mail"
