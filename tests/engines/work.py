"""Work for executors, which find it by its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from detector.errors import CredentialsError, LakeBusy, UsageError


class OwnError(LakeBusy):
    """Of a kind that only its own module knows."""


@dataclass(frozen=True)
class Task:
    number: int
    folder: Path
    stem: str = "part"


@dataclass(frozen=True)
class Written:
    number: int
    names: tuple[str, ...]
    stopped_by: CredentialsError | None = None


def square(number: int) -> int:
    return number * number


def write(task: Task) -> Written:
    (task.folder / task.stem).write_text(str(task.number))
    return Written(task.number, (task.stem,), CredentialsError("expired", hint="renew them"))


def large(size_bytes: int) -> bytes:
    return bytes(range(256)) * (size_bytes // 256)


def rows(count: int) -> pa.Table:
    return pa.table({"nested": [{"a": [str(n)]} for n in range(count)], "empty": pa.nulls(count)}).slice(1)


def refuse(kind: str) -> int:
    raise {"usage": UsageError, "own": OwnError}[kind]("cannot be done", hint="do something else")


def fail(_: int) -> int:
    raise ArithmeticError("of no kind of ours")


def undeclared(_: int) -> int:
    return object()  # type: ignore[return-value]  # the test is about it
