from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.engines.sail import Sail, sail


@pytest.fixture(scope="session")
def cluster() -> Iterator[Sail]:
    """Somebody else's engine.

    Spark's client takes a program that is no file for doctests of its own, and so the workers of a test run.
    """
    sys.modules["__main__"].__dict__.setdefault("__file__", __file__)
    with sail() as server:
        yield server
