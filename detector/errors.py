"""Every error that a user can meet.

DetectorError             exit code 2: one `error:` line on stderr, one `hint:` line
├── UsageError            an option or argument cannot be used as given
├── SourceError           the log source cannot be listed or read
│   ├── CredentialsError  missing, expired or refused credentials: nothing more can be read
│   ├── SourceUnavailable the source does not answer now; trying again may help
│   └── NoLogObjects      exit code 3: the source holds no log in scope
├── LakeError             the lake cannot be read or written
│   └── LakeBusy          another writer holds the lake
├── RuleError             a rule file is malformed; names the file
│   └── RuleQueryError    DuckDB refused a rule's SQL, or its result breaks the contract
├── TableError            the published table cannot be read or changed
└── SinkError             alerts cannot be written
    └── OutputClosed      exit code 141, in silence: the program that read the output has gone (`| head`)

One bad object, record or prefix is not an error but a result: it is counted, named in the run report, and
makes the exit code 4.
"""

from __future__ import annotations

from functools import partial
from typing import Any


class DetectorError(Exception):
    """Base class. `hint` tells the user what to try next."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the hint on the way back from a worker process."""
        return partial(type(self), hint=self.hint), (str(self),)


class UsageError(DetectorError):
    """An option or argument cannot be used as given."""


class SourceError(DetectorError):
    """The log source cannot be listed or read."""


class CredentialsError(SourceError):
    """AWS refuses the credentials as a whole; going on would only repeat the refusal."""


class SourceUnavailable(SourceError):  # noqa: N818 - a state, not a fault
    """The source does not answer now; trying again may help."""


class NoLogObjects(SourceError):  # noqa: N818 - a state, not a fault
    """The source holds no log in scope: a wrong prefix must not look like a clean account."""

    exit_code = 3


class LakeError(DetectorError):
    """The lake cannot be read or written."""


class LakeBusy(LakeError):  # noqa: N818 - a state, not a fault
    """Another process is writing to the lake."""


class RuleError(DetectorError):
    """A rule file is malformed."""


class RuleQueryError(RuleError):
    """DuckDB refused a rule's SQL, or its result breaks the contract."""


class TableError(DetectorError):
    """The published table cannot be read or changed; it is as it was."""


class SinkError(DetectorError):
    """Alerts cannot be written."""


class OutputClosed(SinkError):  # noqa: N818 - what the reader did
    """The reader of standard output has closed it."""

    exit_code = 141  # as the shell reports SIGPIPE
