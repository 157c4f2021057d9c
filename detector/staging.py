"""Staging by name: for a process that has others do it, and needs nothing of what they import."""

from __future__ import annotations

from detector.staged import Batch, StagedBatch


def stage_elsewhere(batch: Batch) -> StagedBatch:
    """Stage a batch, as `detector.stage.stage` does.

    Raises:
        LakeError: the disk refuses.
    """
    from detector.stage import stage

    return stage(batch)
