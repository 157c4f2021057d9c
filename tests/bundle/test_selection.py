from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from detector.bundle.selection import Selected, select_all, select_named
from detector.verify.place import Location
from detector.verify.verdicts import Asked, LocationVerdict
from tests.verify.vectors import LONG_AFTER, Vector, judge, required


def judged(vector: Vector) -> list[LocationVerdict]:
    return judge(vector.objects, vector.keys, Asked(None, LONG_AFTER, LONG_AFTER))


def named(vector: Vector, *uris: str) -> Selected:
    return select_named(judged(vector), lambda location: digests(vector, location), uris)


def digests(vector: Vector, location: Location) -> Iterator[str]:
    below = f"{location.root}{location.account}/CloudTrail-Digest/{location.region}/"
    return (one.uri for one in vector.objects if one.uri.startswith(below))


def logs(vector: Vector) -> list[str]:
    return sorted(one.uri for one in vector.objects if not one.is_digest)


def ends(selected: Selected) -> list[str]:
    return sorted(uri.rpartition("_")[2].removesuffix(".json.gz") for uri in selected.digests)


def test_a_chain_begins_one_digest_before_what_is_named() -> None:
    vector = Vector("valid")
    last = logs(vector)[-1]

    selected = named(vector, last)

    assert selected.logs == {last}
    assert ends(selected) == ["20250304T030131Z", "20250304T040131Z"]
    assert len(named(vector, logs(vector)[0]).digests) == 4


def test_a_file_that_no_digest_lists_brings_those_of_its_hour() -> None:
    vector = Vector("injected_log")
    (unlisted,) = (uri for uri in logs(vector) if uri.split("/", 3)[3] in vector.expected["unlisted"])

    selected = named(vector, unlisted)

    assert len(selected.digests) >= 2
    assert selected.logs == {unlisted}


def test_a_file_of_which_nobody_knows_when_it_came_brings_all_digests() -> None:
    vector = Vector("valid")
    odd = logs(vector)[0].rpartition("/")[0] + "/odd.json.gz"

    assert len(named(vector, odd).digests) == 4


def test_a_digest_that_is_named_is_no_log_file() -> None:
    vector = Vector("missing_digest")
    (missing,) = (one.uri for verdict in judged(vector) for one in verdict.digests if one.verdict == "missing")

    selected = named(vector, missing)

    assert selected.logs == set()
    assert selected.absent_digests == {missing}
    assert selected.digests


def test_a_missing_log_file_is_absent_only_when_it_is_named() -> None:
    vector = Vector("missing_log")
    (missing,) = (one.uri for verdict in judged(vector) for one in verdict.logs if one.verdict == "missing")
    other = logs(vector)[-1]

    assert named(vector, missing, other).absent_logs == {missing}
    assert named(vector, missing, other).logs == {other}
    assert named(vector, other).absent_logs == set()


def test_of_two_trails_both_chains_are_taken() -> None:
    vector = Vector("two_trails")

    selected = named(vector, logs(vector)[-1])

    trails = {uri.rpartition("/")[2].split("_")[3] for uri in selected.digests}
    assert len(trails) == 2


def test_a_backfill_of_a_later_hour_is_taken() -> None:
    vector = Vector("backfill")

    assert any("_backfill" in uri for uri in named(vector, *logs(vector)).digests)
    assert not any("_backfill" in uri for uri in named(vector, logs(vector)[-1]).digests)


def test_what_lies_outside_of_cloudtrails_folders_is_taken_alone() -> None:
    selected = named(Vector("valid"), "file:///somewhere/export.json")

    assert selected == Selected(logs={"file:///somewhere/export.json"})


def test_everything_is_everything_of_the_time_asked() -> None:
    vector = Vector("valid")
    asked = Asked(required("2025-03-04T01:01:31Z"), required("2025-03-04T02:01:31Z"), LONG_AFTER)
    verdicts = judge(vector.objects, vector.keys, asked)

    selected = select_all(verdicts, lambda location: digests(vector, location), asked)

    # Those of the two hours after it speak of the ones in it, and the one before of files at its beginning.
    assert ends(selected) == ["20250304T010131Z", "20250304T020131Z", "20250304T030131Z", "20250304T040131Z"]
    assert {uri.split("_")[3][:11] for uri in selected.logs} == {"20250304T01"}
    everything = select_all(judged(vector), lambda location: digests(vector, location), replace(asked, since=None))
    assert len(everything.digests) == 4
