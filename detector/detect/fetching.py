"""What rules read beside the candidates of a lake that is elsewhere, fetched before they run."""

from __future__ import annotations

from collections.abc import Iterable

from detector.lake.elsewhere import Elsewhere
from detector.rules.engine import Engine
from detector.rules.rule import Reads, Rule, shipped_rules_directory

_DAYS_OF_GAPS = "SELECT CAST(since AS DATE) AS first, CAST(until AS DATE) AS last FROM trail_gaps"


def fetch_for_rules(engine: Engine, elsewhere: Elsewhere, rules: Iterable[Rule]) -> None:
    """Fetch all events where a rule of the user's reads them, else those of the days on which a trail was stopped.

    The shipped rule that reads all events asks what was done between a trail's stop and its start.

    Raises:
        LakeError: they cannot be fetched.
    """
    shipped = shipped_rules_directory()
    if any(rule.reads is Reads.EVENTS and rule.path.parent != shipped for rule in rules):
        elsewhere.fetch()
        return
    for gap in engine.query(_DAYS_OF_GAPS).read_all().to_pylist():
        elsewhere.fetch((gap["first"], gap["last"]))
