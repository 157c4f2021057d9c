"""From sources into the lake: everything is counted, and what was read stays."""

from __future__ import annotations

import gzip
import json
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.cli.report_lines import trouble_lines
from detector.errors import CredentialsError, DetectorError, LakeError, SourceError
from detector.ingest.ingest import ingest
from detector.lake.ledger.objects import ObjectStatus
from detector.lake.place import LakePlace
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.log_source import LeftOut, Listed, LogObject, Skipped, Unreadable
from tests.places import Place, slow_in_s3

STARTED = datetime(2026, 3, 1, tzinfo=UTC)


def event(number: int) -> dict[str, str]:
    event_id = f"00000000-0000-4000-8000-{number:012d}"
    return {"eventTime": f"2024-05-06T07:08:{number % 60:02d}Z", "eventName": f"Call{number}", "eventID": event_id}


def log(*records: object) -> bytes:
    return gzip.compress(json.dumps({"Records": records}).encode(), mtime=0)


@dataclass(frozen=True)
class FakeReader:
    """Reads from memory; some contents are orders to misbehave."""

    contents: Mapping[str, bytes]

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        for one in objects:
            content = self.contents[one.uri]
            if content == b"expire":
                raise CredentialsError("the credentials have expired", hint="aws sso login")
            if content == b"die":
                os.kill(os.getpid(), signal.SIGKILL)
            yield one, Unreadable(one.uri, "access denied") if content == b"deny" else content


@dataclass
class FakeSource:
    """Lists what it was given, in that order."""

    contents: Mapping[str, bytes]
    others: Sequence[Listed] = ()
    list_error: DetectorError | None = None
    version: str = ""
    readers: int = field(default=0)
    root: str = "s3://b/"

    def covers(self, uri: str, scope: Scope) -> bool:  # noqa: ARG002
        return uri.startswith(self.root)

    def list(self, scope: Scope) -> Iterator[Listed]:  # noqa: ARG002
        yield from self.others
        for uri, content in self.contents.items():
            yield LogObject(uri, len(content), f"{len(content)}-{hash(content)}{self.version}", None)
        if self.list_error:
            raise self.list_error

    def reader(self) -> FakeReader:
        self.readers += 1
        return FakeReader(self.contents)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.batching._BATCH_OBJECTS", 2)


def run(
    lake: Path | LakePlace,
    *sources: FakeSource,
    jobs: int = 1,
    report: RunReport | None = None,
    scope: Scope | None = None,
) -> RunReport:
    report = report or RunReport(STARTED)
    try:
        with open_to_write(lake) as writer:
            ingest(sources, writer, scope or Scope(), report, jobs=jobs)
    finally:
        # Whatever happens, every object that was listed has a fate, and every record.
        assert report.listed == report.ingested + report.already_in + report.skipped + report.failed
        assert report.records == report.rows + report.rejected
        assert report.failed == len(report.failures)
        assert report.skipped == sum(report.skipped_reasons.values())
    return report


def counts(report: RunReport) -> tuple[int, ...]:
    return report.listed, report.ingested, report.already_in, report.skipped, report.failed


def events_of(lake: Path | LakePlace) -> list[tuple[str, str, int]]:
    if isinstance(lake, Path) and not lake.exists():  # nothing came in
        return []
    with duckdb.connect() as connection:
        read_lake(lake).attach(connection)
        query = "SELECT eventName, logFile, logFileIndex FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex)"
        return sorted(connection.sql(query).fetchall())


MIXED = {
    "s3://b/good": log(event(1), event(2)),
    "s3://b/copy": log(event(2), event(3)),
    "s3://b/odd": log(event(4), {"eventName": "no time"}, 7),
    "s3://b/cut": log(*(event(number) for number in range(10, 90)))[:-20],
    "s3://b/digest": b'{"digestStartTime":"2024-01-01T00:00:00Z"}',
    "s3://b/empty": b"",
    "s3://b/text": b"hello",
    "s3://b/denied": b"deny",
    "s3://b/none": log(),
}


@pytest.mark.usefixtures("small_batches")
def test_every_object_and_every_record_is_accounted_for(lake: Path) -> None:
    source = FakeSource(
        MIXED,
        others=[
            Skipped("s3://b/README.md", ".md file"),
            LeftOut("s3://b/2020/", "before --since"),
            Unreadable("s3://b/secret/", "access denied"),
        ],
    )
    report = run(lake, source)
    assert counts(report) == (10, 3, 0, 3, 4)  # an empty file without a trail's name is skipped
    assert (report.rejected, report.duplicates) == (2, 1)
    assert report.records == report.rows + 2
    assert report.is_incomplete
    assert report.has_log_objects
    failures = {failure.uri: failure.reason for failure in report.failures}
    assert failures["s3://b/denied"] == "access denied"
    assert failures["s3://b/odd"] == "2 of 3 records rejected, the first one: no eventTime"
    assert failures["s3://b/cut"].startswith("truncated gzip after ")
    assert failures["s3://b/text"].startswith("not JSON")
    assert report.skipped_reasons[".md file"] == 1
    assert report.skipped_reasons["CloudTrail digest"] == 1
    assert [one.uri for one in report.unreadable_prefixes] == ["s3://b/secret/"]
    assert [one.uri for one in report.left_out] == ["s3://b/2020/"]
    assert [(one.uri, one.index, one.reason) for one in report.rejected_reasons] == [
        ("s3://b/odd", 1, "no eventTime"),
        ("s3://b/odd", 2, "not a JSON object: not an object at byte 0"),
    ]
    assert report.bytes_read == sum(len(content) for content in MIXED.values() if content != b"deny")


@pytest.mark.usefixtures("small_batches")
def test_one_job_and_two_make_the_same_lake(tmp_path: Path) -> None:
    reports = [run(tmp_path / str(jobs), FakeSource(MIXED), jobs=jobs) for jobs in (1, 2)]
    first, second = (report.to_json() for report in reports)
    for unordered in ("failures", "rejected"):
        for document in (first, second):
            document[unordered] = sorted(map(repr, document[unordered]))
    assert first == second
    assert events_of(tmp_path / "1") == events_of(tmp_path / "2")


@slow_in_s3
def test_a_second_run_reads_nothing_and_says_again_what_is_wrong(place: Place) -> None:
    first = run(place(), FakeSource(MIXED))
    again = run(place(), FakeSource({uri: content for uri, content in MIXED.items() if uri != "s3://b/denied"}))
    assert (again.ingested, again.records, again.bytes_read) == (0, 0, 0)
    assert again.already_in == first.ingested
    assert again.skipped_reasons == first.skipped_reasons
    assert {one.uri: one.reason for one in again.failures} == {
        one.uri: one.reason for one in first.failures if one.uri != "s3://b/denied"
    }
    assert again.is_incomplete


def test_what_could_not_be_read_is_tried_again(lake: Path) -> None:
    run(lake, FakeSource({"s3://b/1": b"deny"}))
    report = run(lake, FakeSource({"s3://b/1": log(event(1))}))
    assert counts(report) == (1, 1, 0, 0, 0)


@slow_in_s3
def test_a_changed_object_is_read_again_and_replaces_its_rows(place: Place) -> None:
    run(place(), FakeSource({"s3://b/1": log(event(1), event(2)), "s3://b/2": log(event(2))}))
    report = run(place(), FakeSource({"s3://b/1": log(event(3)), "s3://b/2": log(event(2))}))
    assert counts(report) == (2, 1, 1, 0, 0)
    assert events_of(place()) == [("Call2", "s3://b/2", 0), ("Call3", "s3://b/1", 0)]


def test_a_truncated_object_that_is_whole_later_is_replaced(lake: Path) -> None:
    whole = log(*(event(number) for number in range(50)))
    run(lake, FakeSource({"s3://b/1": whole[:-30]}))
    report = run(lake, FakeSource({"s3://b/1": whole}))
    assert counts(report) == (1, 1, 0, 0, 0)
    assert len(events_of(lake)) == 50


@slow_in_s3
def test_a_changed_object_that_cannot_be_read_keeps_its_old_rows(place: Place) -> None:
    run(place(), FakeSource({"s3://b/1": log(event(1))}))
    report = run(place(), FakeSource({"s3://b/1": b"deny"}))
    assert counts(report) == (1, 0, 0, 0, 1)
    assert events_of(place()) == [("Call1", "s3://b/1", 0)]
    assert run(place(), FakeSource({"s3://b/1": log(event(2))})).ingested == 1
    assert events_of(place()) == [("Call2", "s3://b/1", 0)]


def test_sources_that_overlap_are_read_once(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.batching._BATCH_OBJECTS", 1)
    files = {f"s3://b/{number}": log(event(number)) for number in range(4)} | {"s3://b/x": b"[]"}
    report = run(lake, FakeSource(files), FakeSource(files))
    assert (report.listed, report.ingested, report.records) == (10, 4, 4)
    assert report.already_in + report.skipped == 6
    assert len(events_of(lake)) == 4


@slow_in_s3
@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("jobs", [1, 2])
def test_expired_credentials_end_the_run_and_what_was_read_stays(place: Place, jobs: int) -> None:
    files = {f"s3://b/{number}": log(event(number)) for number in range(9)}
    files["s3://b/3"] = b"expire"
    report = RunReport(STARTED)
    with pytest.raises(CredentialsError, match="have expired") as caught:
        run(place(), FakeSource(files), jobs=jobs, report=report)
    assert caught.value.hint == "aws sso login"
    names = {name for name, *_ in events_of(place())}
    assert {"Call0", "Call1", "Call2"} <= names
    assert report.ingested == len(names)
    assert report.failed >= 1
    assert {one.reason for one in report.failures} == {"not read: the run ended early"}
    assert "s3://b/3" in {one.uri for one in report.failures}
    if jobs == 1:
        assert names == {"Call0", "Call1", "Call2"}  # nothing is asked for after the refusal
    files["s3://b/3"] = log(event(3))
    assert run(place(), FakeSource(files)).ingested == 9 - len(names)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("error", [CredentialsError("expired"), SourceError("no such bucket")])
def test_a_listing_that_breaks_off_ends_the_run_and_what_was_read_stays(lake: Path, error: DetectorError) -> None:
    files = {f"s3://b/{number}": log(event(number)) for number in range(5)}
    report = RunReport(STARTED)
    with pytest.raises(type(error)):
        run(lake, FakeSource(files, list_error=error), report=report)
    assert [name for name, *_ in events_of(lake)] == ["Call0", "Call1", "Call2", "Call3", "Call4"]
    assert counts(report) == (5, 5, 0, 0, 0)


@slow_in_s3
@pytest.mark.usefixtures("small_batches")
def test_a_worker_that_dies_ends_the_run_and_what_was_committed_stays(place: Place) -> None:
    run(place(), FakeSource({"s3://b/first": log(event(1))}))
    files = {f"s3://b/{number}": log(event(number)) for number in range(6)} | {"s3://b/3": b"die"}
    report = RunReport(STARTED)
    with pytest.raises(DetectorError, match="worker process died"):
        run(place(), FakeSource(files), jobs=2, report=report)
    names = [name for name, uri, _ in events_of(place()) if uri != "s3://b/first"]
    assert report.ingested == len(names)
    assert ("Call1", "s3://b/first", 0) in events_of(place()) or "Call1" in names
    files["s3://b/3"] = log(event(3))
    run(place(), FakeSource(files), jobs=2)
    assert len(events_of(place())) == 6


def test_a_commit_that_fails_is_counted_as_not_read(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise LakeError("cannot write: No space left on device")

    monkeypatch.setattr("detector.lake.writer.LakeWriter.commit", refuse)
    report = RunReport(STARTED)
    with pytest.raises(LakeError):
        run(lake, FakeSource({"s3://b/1": log(event(1))}), report=report)
    assert counts(report) == (1, 0, 0, 0, 1)


def test_progress_is_told_after_each_commit_and_readers_are_fresh(lake: Path, small_batches: None) -> None:  # noqa: ARG001
    source = FakeSource({f"s3://b/{number}": log(event(number)) for number in range(5)})
    seen: list[int] = []
    report = RunReport(STARTED)
    with open_to_write(lake) as writer:
        ingest([source], writer, Scope(), report, jobs=1, progress=lambda so_far: seen.append(so_far.ingested))
    assert seen == [2, 4, 5]
    assert source.readers == 3  # credentials may have been renewed meanwhile


def test_batches_are_bounded_by_size_too(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.batching._BATCH_BYTES", 1)
    source = FakeSource({f"s3://b/{number}": log(event(number)) for number in range(3)})
    run(lake, source)
    assert source.readers == 3


def test_nothing_but_other_files_is_not_a_clean_account(lake: Path) -> None:
    assert not run(lake, FakeSource({})).has_log_objects
    assert not run(lake, FakeSource({"s3://b/x": b"[]"}, others=[Skipped("s3://b/y", "z")])).has_log_objects
    assert run(lake, FakeSource({"s3://b/z": b"hello"})).has_log_objects


def test_a_large_object_is_written_in_several_tables_and_parts(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.records.log_file.WHOLE_BYTES", 0)
    monkeypatch.setattr("detector.records.log_file._PIECE_RECORDS", 10)
    monkeypatch.setattr("detector.lake.part_writer._ROWS_A_TABLE", 25)
    monkeypatch.setattr("detector.lake.part_writer._BYTES_A_PART", 1)
    monkeypatch.setattr("detector.lake.part_writer._KEPT_BYTES_A_PART", 1)
    records: list[object] = [event(number) for number in range(100)]
    records[5] = records[77] = "bad"
    report = run(lake, FakeSource({"s3://b/1": log(*records), "s3://b/2": log(event(200))}))
    assert (report.records, report.rows, report.rejected, report.duplicates) == (101, 99, 2, 0)
    assert len(read_lake(lake).events) > 2
    with open_to_write(lake) as writer:
        (first, second) = writer.ledger.objects()
        assert (first.records, first.rows, first.status) == (100, 98, ObjectStatus.PARTIAL)
        assert (second.records, second.rows) == (1, 1)
    kept = [json.loads(line) for path in (lake / "rejected").iterdir() for line in path.read_text().splitlines()]
    assert sorted(line["index"] for line in kept) == [5, 77]


def test_of_many_rejected_records_the_first_are_kept_and_all_are_counted(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.records.log_file._PIECE_RECORDS", 7)
    bomb = log(event(1), *[{}] * 2_500, event(2))
    report = run(lake, FakeSource({"s3://b/bomb": bomb, "s3://b/good": log(event(3), {})}))
    assert (report.records, report.rows, report.rejected, report.unkept) == (2_504, 3, 2_501, 1_500)
    kept = [json.loads(line) for path in (lake / "rejected").iterdir() for line in path.read_text().splitlines()]
    assert sorted((line["log_file"], line["index"]) for line in kept) == [
        *(("s3://b/bomb", index) for index in range(1, 1_001)),
        ("s3://b/good", 1),
    ]
    assert report.to_json()["records"]["rejected_not_kept"] == 1_500
    assert any("1,500 more were counted only" in line for line in trouble_lines(report))


@pytest.mark.parametrize("record", [{}, event(1)])
def test_an_object_of_too_many_records_is_failed_and_the_others_are_read(
    lake: Path, monkeypatch: pytest.MonkeyPatch, record: object
) -> None:
    monkeypatch.setattr("detector.records.log_file.MAX_RECORDS", 50)
    monkeypatch.setattr("detector.records.log_file.WHOLE_BYTES", 0)
    report = run(lake, FakeSource({"s3://b/bomb": log(*[record] * 200), "s3://b/good": log(event(3))}))
    [failure] = report.failures
    assert failure.uri == "s3://b/bomb"
    assert "reaches the cap of 50 records" in failure.reason
    assert (report.ingested, report.records) == (1, 51)


contents = st.sampled_from([log(event(1)), log(event(1), event(2), 3), log(event(3)), b"[]", b"hello", b"deny"])
trees = st.dictionaries(st.sampled_from([f"s3://b/{name}" for name in "abcd"]), contents, max_size=4)


@given(st.lists(trees, min_size=1, max_size=4))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_last_readable_version_of_each_object_is_in_the_lake(runs: list[dict[str, bytes]]) -> None:
    model: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for tree in runs:
            run(Path(folder) / "lake", FakeSource(tree))
            model |= {uri: content for uri, content in tree.items() if content != b"deny"}
        fresh = Path(folder) / "fresh"
        run(fresh, FakeSource(model))
        assert events_of(Path(folder) / "lake") == events_of(fresh)


@slow_in_s3
def test_interruption_still_accounts_for_every_object(place: Place, small_batches: None) -> None:  # noqa: ARG001
    source = FakeSource({f"s3://b/{number}": log(event(number)) for number in range(6)})
    report = RunReport(STARTED)

    def interrupt(_: RunReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), open_to_write(place()) as writer:
        ingest([source], writer, Scope(), report, jobs=1, progress=interrupt)
    assert counts(report) == (2, 2, 0, 0, 0)
    assert len(events_of(place())) == 2


# Gaps: what was not read stays known until it is ---------------------------------------------------------------------

GOOD = {"s3://b/AWSLogs/1/good": log(event(1))}
DENIED = Unreadable("s3://b/AWSLogs/2/", "access denied")


def gaps(lake: Path | LakePlace) -> list[str]:
    return [gap.uri for gap in read_lake(lake).gaps.first]


def test_an_object_is_a_gap_until_it_is_read(place: Place) -> None:
    run(place(), FakeSource(GOOD | {"s3://b/AWSLogs/1/bad": b"deny"}))
    assert gaps(place()) == ["s3://b/AWSLogs/1/bad"]
    run(place(), FakeSource(GOOD))
    assert gaps(place()) == ["s3://b/AWSLogs/1/bad"], "that nobody lists it any more does not mean that it was read"
    run(place(), FakeSource(GOOD | {"s3://b/AWSLogs/1/bad": log(event(2))}))
    assert gaps(place()) == []


@slow_in_s3
def test_what_was_read_in_part_is_a_gap_until_it_is_replaced(place: Place) -> None:
    run(place(), FakeSource(GOOD | {"s3://b/AWSLogs/1/cut": log(event(2))[:-9]}))
    assert gaps(place()) == ["s3://b/AWSLogs/1/cut"]
    run(place(), FakeSource({"s3://b/AWSLogs/1/cut": log(event(2))}))
    assert gaps(place()) == []


@pytest.mark.parametrize(
    ("later", "is_open"),
    [
        (Scope(), False),
        (Scope(since=datetime(2026, 1, 1, tzinfo=UTC)), False),
        (Scope(since=datetime(2026, 2, 2, tzinfo=UTC)), True),
        (Scope(until=datetime(2026, 5, 1, tzinfo=UTC)), True),
        (Scope(accounts=frozenset({"222222222222"})), False),
        (Scope(accounts=frozenset({"111111111111"})), True),
        (Scope(regions=frozenset({"us-east-1"})), True),
    ],
    ids=["all", "from before", "from after", "until", "its account", "another account", "one region"],
)
def test_a_prefix_is_a_gap_until_a_listing_reaches_as_far(lake: Path, later: Scope, *, is_open: bool) -> None:
    asked = Scope(since=datetime(2026, 2, 1, tzinfo=UTC), accounts=frozenset({"222222222222"}))
    run(lake, FakeSource(GOOD, others=[DENIED]), scope=asked)
    assert gaps(lake) == [DENIED.uri]
    run(lake, FakeSource(GOOD, root="s3://other/"))
    assert gaps(lake) == [DENIED.uri], "another source says nothing of it"
    run(lake, FakeSource(GOOD), scope=later)
    assert gaps(lake) == ([DENIED.uri] if is_open else [])


@slow_in_s3
def test_a_prefix_that_is_denied_twice_is_a_gap_as_far_as_both_reach(place: Place) -> None:
    run(place(), FakeSource(GOOD, others=[DENIED]), scope=Scope(accounts=frozenset({"111111111111"})))
    run(place(), FakeSource(GOOD, others=[DENIED]), scope=Scope(accounts=frozenset({"222222222222"})))
    run(place(), FakeSource(GOOD), scope=Scope(accounts=frozenset({"222222222222"})))
    assert gaps(place()) == [DENIED.uri]
    run(place(), FakeSource(GOOD), scope=Scope(accounts=frozenset({"111111111111", "222222222222"})))
    assert gaps(place()) == []


def test_a_prefix_below_one_that_is_denied_now_stays_a_gap(lake: Path) -> None:
    run(lake, FakeSource(GOOD, others=[DENIED]))
    run(lake, FakeSource(GOOD, others=[Unreadable("s3://b/AWSLogs", "access denied")]))
    assert set(gaps(lake)) == {"s3://b/AWSLogs", DENIED.uri}


@slow_in_s3
def test_a_source_that_is_refused_is_a_gap_and_one_that_does_not_answer_is_none(place: Place) -> None:
    run(place(), FakeSource(GOOD))
    with pytest.raises(SourceError):
        run(place(), FakeSource({}, list_error=CredentialsError("expired"), root="s3://x/"))
    with pytest.raises(SourceError):
        run(place(), FakeSource({}, list_error=SourceError("access denied"), root="s3://c/"))
    assert gaps(place()) == ["s3://c/"]


def test_a_first_ingest_that_fails_leaves_no_lake(lake: Path) -> None:
    with pytest.raises(SourceError):
        run(lake, FakeSource({}, list_error=SourceError("access denied")))
    run(lake, FakeSource({}))
    assert not lake.exists()
    lake.mkdir()
    (lake / "hidden").mkdir()
    run(lake, FakeSource({"s3://b/bad": b"deny"}))
    assert not lake.exists()
