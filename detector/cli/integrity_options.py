"""The options of commands that verify while they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from detector.verify.depth import Verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.ingest.digests import DigestIntake
    from detector.lake.ledger.ledger import Ledger
    from detector.sources.aws_options import AwsOptions


@dataclass(frozen=True, slots=True)
class IntegrityOptions:
    """How much of what AWS signed is verified while log files are read."""

    verify: Annotated[
        Verify,
        typer.Option(
            "--verify",
            help="Read CloudTrail's digests too, and verify the log files that are there (present), or also that "
            "none is missing (complete).",
        ),
    ] = Verify.NONE
    keys: Annotated[
        str,
        typer.Option("--keys", help="With --verify: AWS's public keys, from AWS or from a file.", metavar="live|FILE"),
    ] = "live"

    @property
    def is_asked(self) -> bool:
        """True when digests are to be read."""
        return self.verify is not Verify.NONE

    def intake_opener(self, aws: AwsOptions, *, judges_all: bool = True) -> Callable[[Ledger], DigestIntake]:
        """Return what makes the intake of digests for one run into a ledger.

        Args:
            aws: how to reach AWS, for its keys.
            judges_all: False judges only where digests have arrived.

        Raises:
            UsageError: the file holds no keys.
        """
        from detector.ingest.digests import DigestIntake
        from detector.verify.asking import key_source

        ask_keys = key_source(self.keys, aws)
        return lambda ledger: DigestIntake(ledger, self.verify, ask_keys, judges_all)
