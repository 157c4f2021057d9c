"""The engines by name, as `--engine` has them. Imported with the options: nothing that runs tasks is."""

from __future__ import annotations

from typing import Final

from detector.errors import UsageError

HERE: Final = "local"
SUBMITTED: Final = "spark"  # by spark-submit
CONNECT: Final = "sc://"  # and HOST:PORT
MOST_TASKS: Final = 4_096  # at a time


def require_engine(name: str) -> str:
    """Return the name of an engine.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in (HERE, SUBMITTED) and not (name.startswith(CONNECT) and len(name) > len(CONNECT)):
        raise UsageError(f"--engine {name.partition(';')[0]} is no engine", hint="local, spark or sc://HOST:PORT")
    return name
