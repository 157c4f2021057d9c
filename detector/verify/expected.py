"""The accounts and regions that ought to be there: `--expect FILE`.

accounts = ["111122223333"]
regions = ["us-east-1", "eu-west-1"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from detector.aws_regions import is_region
from detector.errors import UsageError

_HINT: Final = 'write accounts = ["111122223333"] and regions = ["us-east-1"]; either may be left out'
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Expected:
    """Accounts and regions; none of one kind means those that are found."""

    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def places(self, found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return each account and region that ought to be there, in order; none when nothing is expected.

        Args:
            found: accounts and regions that are there.
        """
        if not self.accounts and not self.regions:
            return []
        there = set(found)
        regions = self.regions or sorted({region for _, region in there})
        accounts = self.accounts or sorted({account for account, _ in there})
        return sorted((account, region) for account in accounts for region in regions)


def load_expected(path: Path) -> Expected:
    """Return what a file expects.

    Raises:
        UsageError: it cannot be read, or says something else.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=_HINT) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", hint=_HINT) from error
    if unknown := sorted(said.keys() - {"accounts", "regions"}):
        raise UsageError(f"{path}: {unknown[0]!r} is not known", hint=_HINT)
    accounts, regions = _names(said.get("accounts", []), path), _names(said.get("regions", []), path)
    for name in accounts:
        if not _ACCOUNT.fullmatch(name):
            raise UsageError(f"{path}: {name!r} is no account", hint=_HINT)
    for name in regions:
        if not is_region(name):
            raise UsageError(f"{path}: {name!r} is no region", hint=_HINT)
    return Expected(accounts, regions)


def _names(value: Any, path: Path) -> tuple[str, ...]:  # noqa: ANN401 - TOML
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise UsageError(f"{path}: a list of names is needed", hint=_HINT)
    return tuple(value)
