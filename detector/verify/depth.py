"""How much is verified while log files are read. Apart from what does it, which takes long to import."""

from __future__ import annotations

from enum import StrEnum


class Verify(StrEnum):
    """How much of what AWS signed is held against what is there."""

    NONE = "none"
    PRESENT = "present"  # the log files that are there
    COMPLETE = "complete"  # also that nothing else ought to be
