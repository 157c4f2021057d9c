"""The definition of what detection looks at, for whoever wants to keep it apart from the rest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from detector.lake.compaction import Candidates
from detector.rules.rule import shipped_rules_directory
from detector.rules.views import read_wanted_rows


def candidates(definitions: Path | None = None) -> Candidates:
    """Return how `wanted_rows` is made from `parts` and `duplicates`, and a digest that changes when that does.

    Args:
        definitions: the directory of `_views`; default: that of the shipped rules.
    """
    sql = read_wanted_rows(definitions or shipped_rules_directory())
    return Candidates(hashlib.sha256(sql.encode()).hexdigest(), sql)
