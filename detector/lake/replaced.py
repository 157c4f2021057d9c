"""Objects that are read again with other content: which parts hold their rows, and these parts without them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from detector.lake.duplicates import glob_safe, open_duckdb
from detector.lake.footer import rewritten_footers
from detector.lake.part import Part
from detector.lake.part_files import read_footer, rows_without, write_part
from detector.lake_layout import PartKind

_HOLDING = """
SELECT DISTINCT filename
FROM read_parquet($paths, hive_partitioning = false, filename = true)
WHERE list_contains($uris, logFile)
"""


def parts_holding(lake: Path, parts: Sequence[Part], uris: Sequence[str]) -> list[Part]:
    """Return the parts that hold rows of some objects.

    Args:
        lake: its directory.
        parts: some, with rows of events.
        uris: of the objects.

    Raises:
        LakeError: one cannot be read.
    """
    by_path = {lake / part.path: part for part in parts}
    params = {"paths": glob_safe(list(by_path)), "uris": list(uris)}
    with open_duckdb() as connection:
        return [by_path[Path(name)] for (name,) in connection.sql(_HOLDING, params=params).fetchall()]


def write_without(lake: Path, parts: Sequence[Part], uris: Sequence[str], staging: Path) -> Iterator[Part]:
    """Write parts anew, as EVENTS, without the rows of some objects; the seal comes first.

    Args:
        lake: its directory.
        parts: with rows of events.
        uris: of the objects.
        staging: where the new parts go.

    Raises:
        LakeError: one cannot be read, or the disk refuses.
    """
    replaced = {part.name: read_footer(lake / part.path)[1] for part in parts}
    footers = rewritten_footers(uuid.uuid4().hex, replaced, uris)
    for part in parts:
        rest = rows_without(lake / part.path, uris)
        if rest.num_rows:
            footer = replace(next(footers), classified_by=part.classified_by, has_candidates=part.has_candidates)
            yield write_part(rest, PartKind.EVENTS, part.event_date, staging, f"part-{uuid.uuid4().hex}", footer)
