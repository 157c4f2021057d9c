"""JSON documents inside AWS's answers, which whoever may write a policy or a rule has written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

_LONGEST: Final = 100_000  # characters; AWS's limits are 20 KiB for a policy, 4 KiB for a pattern


def read_at(text: object, *path: str) -> Any:  # noqa: ANN401 - as JSON has it
    """Return what lies at a path of a JSON document; None where there is none, or it is no such document."""
    try:
        value = json.loads(str(text)) if len(str(text)) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def listed(value: Any) -> Sequence[Any]:  # noqa: ANN401 - as JSON has it
    """Return a list as it is, and what may stand alone in its place as a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]
