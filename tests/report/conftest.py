"""What the tests of the report share: one lake, read once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.report.report import Report
from fixtures.expect import GOLDEN_TRAIL, found_report, lake_of


@pytest.fixture(scope="session")
def trail_lake() -> Iterator[Path]:
    """A lake with one compromised account."""
    with lake_of(GOLDEN_TRAIL) as lake:
        yield lake


@pytest.fixture(scope="session")
def trail_report(trail_lake: Path) -> Report:
    """The report about it, at a fixed time."""
    return found_report(trail_lake)
