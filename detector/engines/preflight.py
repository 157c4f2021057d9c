"""Executors are asked before they are given work: another version would answer something else, or nothing."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from detector import __version__
from detector.errors import DetectorError
from detector.text import one_line

if TYPE_CHECKING:
    import pyarrow as pa

REMEDY: Final = "give the driver and all executors the same image or archive: docs/guide/on-a-cluster.md"


def asking() -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function that says on an executor what is installed there, as the one answer to each task.

    It crosses as it is written, not by its name: where the program is missing, no name of it can be found.
    """

    def ask(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import json
        import platform

        import pyarrow as pa

        found = {"python": ".".join(platform.python_version_tuple()[:2]), "pyarrow": pa.__version__}
        try:
            import detector

            found["detector"] = detector.__version__
        except ImportError as error:
            found["missing"] = str(error)
        said = json.dumps(found).encode()
        for batch in batches:
            for place in batch.column(0).to_pylist():
                yield pa.record_batch(
                    {
                        "place": pa.array([place], pa.int32()),
                        "at": pa.array([0], pa.int32()),
                        "piece": pa.array([said], pa.binary()),
                    }
                )

    return ask


def require_same(said: Iterable[bytes]) -> None:
    """Refuse executors that have something else than this process.

    Args:
        said: by each of them, the answer of `asking`.

    Raises:
        DetectorError: one of them has.
    """
    here = installed_here()
    for answer in said:
        there = _parsed(answer)
        if "missing" in there:
            raise DetectorError(
                f"detector is not installed on the executors: {one_line(there['missing'])}", hint=REMEDY
            )
        for name, version in here.items():
            if there.get(name) != version:
                raise DetectorError(
                    f"the executors have {name} {one_line(there.get(name, 'of no version'))}, this is {version}",
                    hint=REMEDY,
                )


def installed_here() -> Mapping[str, str]:
    """Return the versions that must be equal."""
    import pyarrow as pa

    return {
        "detector": __version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "pyarrow": pa.__version__,
    }


def _parsed(answer: bytes) -> Mapping[str, str]:
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DetectorError("the executors do not say what is installed there", hint=REMEDY)
    return {str(name): str(version) for name, version in found.items()}
