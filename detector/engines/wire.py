"""What executors send back, as bytes: data of the type that the work promises, or the error that it raised.

Not pickled: whoever unpickles runs what the bytes say, and these come from machines that read other people's logs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, get_type_hints

import msgspec

from detector import errors
from detector.errors import DetectorError
from detector.text import one_line

if TYPE_CHECKING:
    import pyarrow as pa

_ERRORS: Final = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, DetectorError)
}


@dataclass(frozen=True, slots=True)
class _Failure:
    """A `DetectorError`, by the name of its class in `errors`."""

    kind: str
    message: str
    hint: str


def pack(work: Callable[[Any], Any], task: object) -> bytes:
    """Do the work, and return what comes of it as bytes. An error of ours is a value: an engine would only try again.

    Raises:
        TypeError: the result holds what is no data.
    """
    try:
        return b"+" + _encode(work(task))
    except DetectorError as error:
        return b"-" + _encode(_failure(error))


def unpack(work: Callable[[Any], Any], answer: bytes) -> Any:  # noqa: ANN401 - what the work returns
    """Return the result of the work; raise its error.

    Raises:
        DetectorError: what the work raised, or the bytes are of no such result.
    """
    is_result, data = answer[:1] == b"+", memoryview(answer)[1:]
    try:
        found = _decoder(get_type_hints(work)["return"] if is_result else _Failure).decode(data)
        failed = None if is_result else _error(found)
    except (msgspec.MsgspecError, ValueError, OSError) as error:
        raise DetectorError(
            f"an executor answered with something else than a result: {one_line(error)}",
            hint="does anybody else's program answer in its place?",
        ) from error
    if failed is not None:
        raise failed
    return found


@lru_cache(maxsize=16)
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:  # noqa: ANN401 - a type, or what stands for one
    return msgspec.msgpack.Decoder(kind, dec_hook=_from_data)


def _encode(result: object) -> bytes:
    return msgspec.msgpack.encode(result, enc_hook=_as_data)


def _as_data(value: object) -> object:
    """Return what msgspec does not know as what it knows."""
    import pyarrow as pa

    if isinstance(value, pa.Table):
        return _table_bytes(value)
    if isinstance(value, DetectorError):
        return _failure(value)
    raise TypeError(f"{type(value)} is no data")


def _from_data(kind: type[Any], value: Any) -> object:  # noqa: ANN401 - as it was decoded
    import pyarrow as pa

    if kind is pa.Table:
        return _table(value)
    if issubclass(kind, DetectorError):
        return _error(msgspec.convert(value, _Failure))
    raise TypeError(f"{kind} is no data")


def _failure(error: DetectorError) -> _Failure:
    named = next(kind.__name__ for kind in type(error).__mro__ if _ERRORS.get(kind.__name__) is kind)
    return _Failure(named, str(error), error.hint)


def _error(failure: _Failure) -> DetectorError:
    if failure.kind not in _ERRORS:
        raise ValueError("an error of a kind that there is not")
    return _ERRORS[failure.kind](failure.message, hint=failure.hint)


def _table_bytes(table: pa.Table) -> memoryview:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())


def _table(stream: bytes) -> pa.Table:
    import pyarrow as pa

    with pa.ipc.open_stream(stream) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table
