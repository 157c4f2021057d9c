"""Rules side by side, in a memory that they share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from detector.detect.running import runs
from detector.records.schema import EVENTS
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.rules.finding import Finding
from detector.rules.query_errors import OutOfMemory
from detector.rules.rule import Rule, load_rules, shipped_rules_directory


class Crowded(Engine):
    """An engine in which one rule lacks memory so many times."""

    def __init__(self, hungry: Rule, times: int) -> None:
        super().__init__(TableEvents(EVENTS.empty_table()), few_rows=True)
        self.order: list[str] = []
        self._hungry, self._times = hungry.id, times

    def run(self, rule: Rule) -> list[Finding]:
        self.order.append(rule.id)
        if rule.id == self._hungry and self._times:
            self._times -= 1
            raise OutOfMemory(f"{rule.path}: Out of Memory")
        return []


@pytest.mark.parametrize("times", [1, 2])
def test_a_rule_that_lacks_memory_runs_once_more_behind_all_others(times: int) -> None:
    hungry, *others = load_rules(shipped_rules_directory()).rules[:4]
    with Crowded(hungry, times) as engine, ThreadPoolExecutor(2) as pool:
        ended = {rule.id: error for rule, (_, error) in runs(engine, [hungry, *others], pool)}
        assert engine.order[-1] == hungry.id
        assert engine.order.count(hungry.id) == 2
    assert set(ended) == {rule.id for rule in (hungry, *others)}
    assert (ended.pop(hungry.id) is None) == (times == 1)
    assert set(ended.values()) == {None}
