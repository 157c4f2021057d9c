"""Lives that may end by a signal, for scripts that never use a thread before they fork."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

# Arrow looks whether what it is given is of pandas: each child would import it anew, longer than it takes to live.
import pandas as pd  # type: ignore[import-untyped]  # noqa: F401
import pyarrow.compute as pc  # noqa: F401
import pyarrow.dataset as ds  # noqa: F401
from botocore.httpsession import URLLib3Session


def only_reads(statement: str) -> bool:
    """Tell whether SQL changes nothing: who is killed before it leaves what one does who is killed just after it."""
    return statement.lstrip().upper().startswith(("SELECT", "PRAGMA"))


def in_child(act: Callable[[], object]) -> int:
    """Run `act` in a forked child; return minus the signal that ended it, or its exit code."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException as error:  # noqa: BLE001
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def before_each_request(act: Callable[[], object]) -> None:
    """Let this process act before each request that it sends to AWS from now on."""
    send = URLLib3Session.send

    def sending(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        act()
        return send(*arguments, **options)

    URLLib3Session.send = sending  # type: ignore[method-assign]
