"""What the page does not prove: what was not read, which hours are not signed, which rules did not run. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from detector.detect.detect import Detection
from detector.lake.ledger.gaps import Gap, OpenGaps
from detector.report.strip import Hours
from detector.verify.coverage import PROVEN, Stretch, stretches

_GAPS: Final = 20
_STRETCHES: Final = 40
_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is not proven."""

    has_digests: bool
    gaps: tuple[Gap, ...]  # some of those that are open
    gap_count: int
    stretches: tuple[Stretch, ...]  # hours in a row that are not proven, some of them
    stretch_count: int
    rules: tuple[str, ...]  # what kept rules from their end
    rule_count: int
    warnings: tuple[str, ...]
    warning_count: int
    never: tuple[str, ...]  # what even complete and signed logs do not prove


def doubts(detection: Detection, gaps: OpenGaps, hours: Hours, never: Sequence[str], *, has_digests: bool) -> Doubts:
    """Return what is not proven.

    Args:
        detection: rules that did not run, and warnings.
        gaps: of the lake.
        hours: of the time asked about, by account and region.
        never: what no signature proves.
        has_digests: whether anybody has asked for digests.
    """
    unproven = (one for one in stretches(hours) if one.state not in PROVEN)
    named = tuple(islice(unproven, _STRETCHES))
    errors = [str(error) for error in detection.errors]
    return Doubts(
        has_digests,
        gaps.first[:_GAPS],
        gaps.count,
        named,
        len(named) + sum(1 for _ in unproven),
        tuple(errors[:_LINES]),
        len(errors),
        tuple(detection.warnings[:_LINES]),
        len(detection.warnings),
        tuple(never),
    )
