"""What is said when a source holds no log: an empty answer must not look like a clean account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.cli.exit_codes import NO_LOG_OBJECTS
from detector.errors import NoLogObjects
from detector.times import rfc3339

if TYPE_CHECKING:
    from detector.run_report import RunReport
    from detector.scope import Scope

_LONGEST_HINT = 1_500


def check_something_found(code: int, report: RunReport, scope: Scope) -> None:
    """Raise when a run ends with the exit code for it.

    Raises:
        NoLogObjects: nothing that was listed, and is in scope, looks like a log. The hint says what is there.
    """
    if code != NO_LOG_OBJECTS:
        return
    limits = _limits(scope)
    within = f" within {' '.join(limits)}" if limits else ""
    seen = "; ".join(report.seen.parts())
    there = f"there are: {seen}" if seen else "nothing else was seen there either"
    check = f"check the prefix{' and the limits' if limits else ''}"
    if len(there) > _LONGEST_HINT:
        there = f"{there[:_LONGEST_HINT]} …"
    raise NoLogObjects(f"no CloudTrail logs under {', '.join(report.sources)}{within}", hint=f"{there}; {check}")


def _limits(scope: Scope) -> list[str]:
    """Return the options that limit what is read, as they are written."""
    return [
        *(f"--account {account}" for account in sorted(scope.accounts)),
        *(f"--region {region}" for region in sorted(scope.regions)),
        *([f"--since {rfc3339(scope.since.replace(microsecond=0))}"] if scope.since else []),
        *([f"--until {rfc3339(scope.until.replace(microsecond=0))}"] if scope.until else []),
    ]
