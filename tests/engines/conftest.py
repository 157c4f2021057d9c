from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.sail import Sail, sail


@pytest.fixture(scope="session")
def cluster() -> Iterator[Sail]:
    """Somebody else's engine."""
    with sail() as server:
        yield server
