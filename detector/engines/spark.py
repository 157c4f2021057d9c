"""Spark, and what speaks its protocol (Spark Connect, Databricks, Sail), as an engine for our tasks.

Through data frames alone, which all of these have: a row is a task, or a piece of what came of it. Spark hands out
tasks, notices executors that are gone, and begins their tasks again; it never sees what is in a log.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import islice
from socket import create_connection
from typing import Any, Final
from urllib.parse import urlsplit

from detector.engines.engine import Result, Task
from detector.engines.executor import ANSWERS, TASKS, packed_task, run_tasks
from detector.engines.names import CONNECT
from detector.engines.preflight import REMEDY, asking, require_same
from detector.engines.wire import unpack
from detector.errors import DetectorError, UsageError
from detector.interpreter import let_in_array_libraries
from detector.text import one_line

_GROUPS_AHEAD: Final = 2
_CONNECT_PORT: Final = 15_002  # where an address names none
_CONNECT_SECONDS: Final = 10
_RETRIES: Final = 6  # of Spark Connect's client when its server is gone: half a minute; by itself it waits for ten
_LONGEST_WAIT_MS: Final = 10_000
_RAISED: Final = ("Error", "Exception")
_Answers = Sequence[bytes]


class SparkEngine:
    """Runs tasks in groups, each a job of Spark of one task a partition, two jobs at a time.

    Not all tasks in one job: its results come when the last one has ended, and a listing may be endless.
    """

    is_elsewhere = True

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - of classic Spark or of Spark Connect
        self._session = session

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task], *, jobs: int) -> Iterator[Result]:
        """Yield `work(task)` of each task, group by group.

        Args:
            work: a function of a module that the executors have.
            tasks: taken two groups ahead.
            jobs: the size of a group.

        Raises:
            DetectorError: what `work` raises, or Spark has given up.
        """
        waiting = iter(tasks)
        with ThreadPoolExecutor(_GROUPS_AHEAD, thread_name_prefix="spark-group") as pool:
            under_way: set[Future[_Answers]] = set()
            while True:
                while len(under_way) < _GROUPS_AHEAD and (group := list(islice(waiting, jobs))):
                    under_way.add(pool.submit(self._run_group, [packed_task(work, task) for task in group]))
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from (unpack(work, answer) for answer in future.result())

    def check(self, jobs: int) -> None:
        """Ask as many executors as will work at a time what is installed there.

        Raises:
            DetectorError: something else than here, or they cannot say it.
        """
        try:
            said = self._answers(asking(), [b""] * jobs)
        except DetectorError as error:
            raise DetectorError(f"the executors cannot run detector: {error}", hint=REMEDY) from error
        require_same(said)

    def _run_group(self, packed: Sequence[bytes]) -> _Answers:
        return self._answers(run_tasks, packed)

    def _answers(self, function: Callable[..., Any], packed: Sequence[bytes]) -> _Answers:
        with spark_errors():
            frame = self._session.createDataFrame(list(enumerate(packed)), TASKS)
            spread = frame.repartitionByRange(len(packed), "place")  # one task a partition
            rows = spread.mapInArrow(function, ANSWERS).collect()
        pieces: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        for row in rows:
            pieces[row.place][row.at] = bytes(row.piece)
        whole = [b"".join(of_task[at] for at in sorted(of_task)) for _, of_task in sorted(pieces.items())]
        if len(whole) != len(packed) or sum(map(len, pieces.values())) != len(rows):
            raise DetectorError("Spark did not answer each task once; what was committed before stays")
        return whole


@contextmanager
def open_spark(address: str, *, jobs: int) -> Iterator[SparkEngine]:
    """Open a session; executors that have something else than this process are refused.

    Args:
        address: `spark` is the session that spark-submit gives, `sc://HOST:PORT` a server of Spark Connect.
        jobs: so many tasks are to run at a time.

    Raises:
        UsageError: PySpark is not installed.
        DetectorError: nothing answers, or executors are refused.
    """
    _require_pyspark(address)
    with spark_errors():
        session = _connect(address) if address.startswith(CONNECT) else _submitted()
    try:
        engine = SparkEngine(session)
        engine.check(jobs)
        yield engine
    finally:
        with suppress(*_spark_error_types()):
            session.stop()


def shown_address(address: str) -> str:
    """Return an engine as messages show it: without what may follow HOST:PORT, such as a token."""
    return f"{CONNECT}{urlsplit(address).netloc.rpartition('@')[2]}" if address.startswith(CONNECT) else address


@contextmanager
def spark_errors() -> Iterator[None]:
    """Turn what Spark, Py4J and gRPC raise into an error of ours.

    Raises:
        DetectorError: in their place.
    """
    try:
        yield
    except _spark_error_types() as error:
        raise DetectorError(
            f"Spark gave up: {_told(error)}", hint="what was committed before stays; run the same command again"
        ) from error


def _spark_error_types() -> tuple[type[Exception], ...]:
    from pyspark.errors import PySparkException

    types: list[type[Exception]] = [PySparkException]
    with suppress(ImportError):  # of classic Spark
        from py4j.protocol import Py4JError

        types.append(Py4JError)
    with suppress(ImportError):  # of Spark Connect
        from grpc import RpcError

        types.append(RpcError)
    return tuple(types)


def _told(error: Exception) -> str:
    """Return the line of a message that says what happened: the last that names an error, as tracebacks have it."""
    details = getattr(error, "details", None)  # of gRPC, whose message has as many lines as it knows facts
    if callable(details):
        return one_line(details())
    lines = [line.strip(" :") for line in str(error).splitlines() if line.strip(" :")]
    raised = [line for line in lines if line.removeprefix("Caused by: ").partition(":")[0].endswith(_RAISED)]
    return one_line(raised[-1] if raised else (lines or [type(error).__name__])[0])


def _require_pyspark(address: str) -> None:
    let_in_array_libraries()
    try:
        import pyspark  # noqa: F401 - is it there?
    except ImportError:
        raise UsageError(
            f"--engine {shown_address(address)} needs PySpark",
            hint="pip install 'cloudtrail-root-detector[spark]'; on EMR and Databricks it is there",
        ) from None
    if not address.startswith(CONNECT) and find_spec("py4j") is None:
        raise UsageError(
            f"--engine {address} needs Spark itself, and here is only its client",
            hint="start detector by spark-submit, or name a server: --engine sc://HOST:PORT",
        )


def _submitted() -> Any:  # noqa: ANN401 - a session of classic Spark
    from pyspark.sql import SparkSession

    # Executors would take the first python3 of their path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return SparkSession.builder.appName("detector").getOrCreate()


def _connect(address: str) -> Any:  # noqa: ANN401 - a session of Spark Connect
    _require_answer(address)
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    # The error that follows says the same, in our words.
    warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")
    session = SparkSession.builder.remote(address).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES, max_backoff=_LONGEST_WAIT_MS)])
    return session


def _require_answer(address: str) -> None:
    """Refuse an address at which nothing listens, which Spark's client would try for ten minutes."""
    parts = urlsplit(address)
    try:
        create_connection((parts.hostname or "", parts.port or _CONNECT_PORT), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DetectorError(
            f"cannot connect to {shown_address(address)}: {one_line(reason).lower()}",
            hint="check host and port; is the Spark Connect server running?",
        ) from error
