"""The sources that a command names, opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from detector.sources.aws_options import AwsOptions
    from detector.sources.log_source import LogSource


def open_sources(
    sources: Sequence[str], aws: AwsOptions, *, root_only: bool = False, lake: Path | None = None
) -> list[LogSource]:
    """Return the sources that are named; `lake` is the one that is written to.

    Raises:
        UsageError: a name is not that of a source, or only this machine can read it, and others are to.
        SourceError: there is nothing of that name.
    """
    from detector.sources.opening import open_source

    opened = [open_source(source, aws, root_only=root_only, lake=lake) for source in sources]
    if aws.readers_sign_in:
        for spec, source in zip(sources, opened, strict=True):
            _require_within_reach(spec, source)
    return opened


def _require_within_reach(spec: str, source: LogSource) -> None:
    from detector.sources.lookup_events import LookupEventsSource
    from detector.sources.stream import StreamSource

    if isinstance(source, LookupEventsSource | StreamSource):
        raise UsageError(f"executors cannot read {spec}", hint="leave --engine out: this machine can read it")


def require_watchable(sources: Sequence[str]) -> None:
    """Refuse what cannot be read again and again, or has nothing new for a day.

    Raises:
        UsageError: it is among the sources.
    """
    if "-" in sources:
        raise UsageError("standard input cannot be watched", hint="name a directory or s3://BUCKET/PREFIX")
    if inventory := next((source for source in sources if source.startswith("inventory:")), None):
        raise UsageError(
            f"{inventory} cannot be watched: S3 writes it once a day or a week",
            hint="ingest it once, then watch s3://BUCKET/PREFIX, or a queue",
        )
