"""What an answer from a lake, or from raw logs, rests on: one sentence, and what is required of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import Require
from detector.cli.options import AllowGaps
from detector.cli.terminal import inform, say

if TYPE_CHECKING:
    from detector.detect.basis import Basis


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What an answer must rest on, not to be exit code 4."""

    allow_gaps: AllowGaps = False
    require: Annotated[
        Require | None,
        typer.Option(
            "--require",
            help="Exit with 4 unless AWS vouches for every hour that is asked about, by digests in the lake (ingest "
            "--verify complete).",
        ),
    ] = None

    def is_unmet(self, basis: Basis) -> bool:
        """Tell whether more is required than an answer rests on."""
        return self.require is Require.COMPLETE and not basis.is_complete


def say_basis(basis: Basis, found: str, *, must: bool = False) -> None:
    """Say what was found and what that rests on; to whoever wants to know only what is wrong, when it is.

    Args:
        basis: what it rests on.
        found: of `basis.found_text`.
        must: it is the reason for the exit code.
    """
    (say if must or basis.is_wrong else inform)(basis.sentence(found))
