"""The two kinds of a lake: a folder, and a prefix of a bucket. Tests of what both promise have the fixture `place`."""

from __future__ import annotations

from typing import Final, Protocol

import pytest

from detector.lake.place import LakePlace

slow_in_s3: Final = pytest.mark.parametrize(
    "place", ["folder", pytest.param("s3", marks=pytest.mark.slow)], indirect=True
)
in_a_folder: Final = pytest.mark.parametrize("place", ["folder"], indirect=True)


class Place(Protocol):
    """Hands out the place of a lake, each time as a process sees it that has nothing of the lake yet."""

    def __call__(self, name: str = "lake") -> LakePlace: ...
