"""How a listing is cut into work: nothing twice, nothing forgotten, nobody idle at the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.batching import in_batches
from detector.sources.log_source import LogObject

MIB = 1 << 20


def objects(*sizes: int) -> list[LogObject]:
    return [LogObject(f"s3://b/{number}", size, "etag", None) for number, size in enumerate(sizes)]


@given(st.lists(st.sampled_from([0, 1, 2_000, MIB, 9 * MIB, 40 * MIB]), max_size=60), st.integers(1, 4))
def test_every_object_is_in_one_batch_and_in_order(sizes: list[int], jobs: int) -> None:
    listed = objects(*sizes)
    batches = list(in_batches(listed, jobs=jobs))
    assert [one for batch in batches for one in batch] == listed
    assert all(batches)
    for batch in batches:
        # It ends with the object that fills it.
        assert sum(one.size_bytes for one in batch[:-1]) < 16 * MIB
        assert len(batch) <= 2_000


@pytest.mark.parametrize("count", [50, 300])
def test_what_is_left_at_the_end_is_shared_out_in_smaller_and_smaller_pieces(count: int) -> None:
    batches = [sum(one.size_bytes for one in batch) for batch in in_batches(objects(*[MIB] * count), jobs=2)]
    assert batches[:2] == [4 * MIB, 4 * MIB]  # no worker waits for the listing
    assert batches[2:] == sorted(batches[2:], reverse=True)
    assert batches[-1] == MIB
    # The last piece that a worker takes is small beside what the others still do.
    assert all(one <= 16 * MIB and one <= sum(batches[at:]) / 2 for at, one in enumerate(batches[:-1]))


def test_thousands_of_tiny_objects_are_shared_out_by_their_number() -> None:
    batches = [len(batch) for batch in in_batches(objects(*[2_000] * 9_000), jobs=2)]
    assert batches[:3] == [500, 500, 2_000]
    assert min(batches[:-1]) >= 500


def test_no_worker_is_started_for_a_few_small_files() -> None:
    assert len(list(in_batches(objects(*[2_000] * 200), jobs=2))) == 1
    assert len(list(in_batches(objects(*[2_000] * 499), jobs=2))) == 1
    assert len(list(in_batches(objects(*[MIB] * 3), jobs=2))) == 3


def test_one_process_has_nobody_to_share_with() -> None:
    sizes = [sum(one.size_bytes for one in batch) for batch in in_batches(objects(*[MIB] * 40), jobs=1)]
    assert sizes == [16 * MIB, 16 * MIB, 8 * MIB]


def test_a_batch_is_of_few_days_though_each_region_is_listed_with_all_of_them() -> None:
    listed = [
        LogObject(
            f"s3://b/AWSLogs/111122223333/CloudTrail/{region}/2026/03/{day:02}/{number}.json.gz", 2_000, "e", None
        )
        for region in ("eu-west-1", "eu-west-2", "us-east-1", "us-east-2", "us-west-1", "us-west-2")
        for day in range(1, 15)
        for number in range(100)
    ]
    batches = list(in_batches(listed, jobs=2))
    assert sorted(one.uri for batch in batches for one in batch) == sorted(one.uri for one in listed)
    days = [len({one.uri.split("/")[9] for one in batch}) for batch in batches]
    assert sum(days) < 45  # as many parts there will be; in the order of the listing there are 14 days in most of them
    assert days[-1] <= 3
