from __future__ import annotations

from datetime import UTC, datetime

import pytest

from detector.sources.log_source import LogObject
from detector.verify.listed import ListedObjects


@pytest.mark.parametrize("count", [0, 1, 199, 200, 450])
def test_what_was_listed_comes_back_in_its_order(count: int) -> None:
    objects = [
        LogObject(f"s3://b/clé-{number}", number, "tag", datetime(2026, 1, 1, microsecond=number, tzinfo=UTC))
        for number in range(count)
    ]
    listed = ListedObjects()
    for one in objects:
        listed.add(one)

    again = [*listed]

    assert [(one.uri, one.size_bytes, one.last_modified) for one in again] == [
        (one.uri, one.size_bytes, one.last_modified) for one in objects
    ]
    assert [one for batch in listed.batches(300) for one in batch] == again


def test_the_time_of_an_object_may_be_unknown() -> None:
    listed = ListedObjects()
    for number in range(200):
        listed.add(LogObject(f"file:///{number}", 1, "", None))

    assert {one.last_modified for one in listed} == {None}
