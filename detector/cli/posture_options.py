"""What `posture` is asked, and whether AWS is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.options import Profile, RoleArn, Since, window
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.posture.check import Check


class FailOn(StrEnum):
    """The answers that change the exit code; unknown takes in fail."""

    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    account: Annotated[
        list[str] | None, typer.Option("--account", help="Answer only for this account; repeat for more.", metavar="ID")
    ] = None
    at: Annotated[
        str | None, typer.Option("--at", help="Answer as of then: as --since, a day to its end.", metavar="TIME")
    ] = None
    changes: Annotated[bool, typer.Option("--changes", help="Show when answers changed instead.")] = False
    since: Since = None
    root_unused_days: Annotated[
        int | None,
        typer.Option(
            "--root-unused-days", help="Root has to rest for so many days.", min=1, max=36_500, show_default="90"
        ),
    ] = None

    @property
    def checks(self) -> Sequence[Check]:
        """The checks to answer."""
        from detector.posture.check import checks_by

        return checks_by(self.root_unused_days)

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """Return the first moment of interest and the last one.

        Raises:
            UsageError: one of them cannot be parsed, or --since lacks --changes.
        """
        if self.since is not None and not self.changes:
            raise UsageError("--since needs --changes", hint="as of a moment: --at TIME")
        return window(self.since, self.at, end="--at")


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Whether AWS is asked, and as whom."""

    live: Annotated[
        bool, typer.Option("--live", help="Ask AWS about the account of the credentials too; only reads.")
    ] = False
    profile: Profile = None
    role_arn: RoleArn = None
    role_name: Annotated[
        str | None,
        typer.Option(
            "--role-name", help="Ask about every account of the organisation, by this role in each.", metavar="NAME"
        ),
    ] = None
    assume_root: Annotated[
        bool,
        typer.Option(
            "--assume-root", help="Ask about root of every member, as root by sts:AssumeRoot; alerts will tell of it."
        ),
    ] = False

    def check(self, at: datetime | None) -> None:
        """Raise what is wrong with these together.

        Raises:
            UsageError: AWS is not to be asked, or cannot tell.
        """
        if self.role_name is not None and not self.live:
            raise UsageError("--role-name needs --live", hint="it is the role to ask AWS with")
        if self.assume_root and not self.live:
            raise UsageError("--assume-root needs --live", hint="it is a way to ask AWS")
        if self.live and at is not None:
            raise UsageError("--at cannot be combined with --live", hint="AWS tells only how it is now")
