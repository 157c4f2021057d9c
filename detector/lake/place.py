"""The place of a lake: a folder, or a prefix in S3 whose files are worked on in a folder of this process."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from detector.engines.engine import Engine
    from detector.lake.ledger.ledger import Ledger
    from detector.lake.part import Part

S3: Final = "s3://"


class LakePlace(Protocol):
    """The place of a lake. As text, it is what `--lake` names.

    Parts are named by their paths, relative to the lake.
    """

    @property
    def directory(self) -> Path:
        """The folder in which this process finds the ledger, and the parts that it has fetched."""
        ...

    @property
    def full_name(self) -> str:
        """What names it from anywhere on this machine."""
        ...

    @property
    def is_elsewhere(self) -> bool:
        """True when parts have to be fetched before they are read."""
        ...

    def refresh(self) -> None:
        """Bring here what others have committed since, unless this process writes."""
        ...

    def fetch(self, paths: Iterable[Path]) -> None:
        """Bring parts here, as far as they are there; those that are here already cost nothing."""
        ...

    def forget(self, path: Path) -> None:
        """Take note that a part is read no more: it may have to be fetched again."""
        ...

    def lacks(self, part: Part) -> str | None:
        """Say what is wrong with a part that is fetched or not, as far as a listing of all tells; None: nothing."""
        ...

    def unlisted(self, ledger: Ledger) -> list[Path]:
        """Return the parts that neither the ledger nor a run that is under way, or was killed, explains."""
        ...

    def prepare(self) -> bool:
        """Make ready to be written to; tell whether there is no lake yet.

        Raises:
            LakeError: there can be none.
        """
        ...

    def begin(self, ledger: Ledger) -> None:
        """Begin to write, with a ledger that has just been opened."""
        ...

    def put(self, run: str, paths: Collection[Path]) -> None:
        """Make parts durable that lie in the folder already; the ledger does not list them yet."""
        ...

    def holds(self, path: Path) -> bool:
        """Tell whether a part is durable there already, as those are that executors have put there."""
        ...

    def engine(self, engine: Engine, run: str) -> Engine:
        """Return what runs tasks of a run for this lake on an engine, wherever both are."""
        ...

    def committed(self, ledger: Ledger, *, is_idle: bool) -> None:
        """Take note of a commit: the moment to share the ledger if that is due, and to make room if nobody reads."""
        ...

    def share(self, ledger: Ledger) -> None:
        """Make all commits of this process durable, and known to everybody.

        Raises:
            LakeBusy: somebody else has committed since `prepare`.
        """
        ...

    def remove(self, paths: Collection[Path]) -> Collection[Path]:
        """Remove parts that were dropped long ago; return those that are gone."""
        ...

    def remove_orphans(self, ledger: Ledger) -> int:
        """Remove the parts that runs which were killed more than a day ago have left; return how many."""
        ...

    def repairing(self) -> AbstractContextManager[Path]:
        """Hand out a folder with every part in it, for its ledger to be made anew."""
        ...

    def end(self, *, is_new: bool) -> None:
        """End to write; the ledger is closed. Of a lake that is new and holds nothing, nothing stays."""
        ...


def lake_at(lake: str | Path | LakePlace) -> LakePlace:
    """Return the place that a user or a program names; nothing is asked yet.

    Args:
        lake: `s3://BUCKET[/PREFIX]`, a path, or a place.

    Raises:
        UsageError: it begins as a URL of S3 does, and is none.
    """
    if isinstance(lake, str) and lake.startswith(S3):
        from detector.lake.stored_lake import StoredLake

        return StoredLake.named(lake)
    if isinstance(lake, str | Path):
        from detector.lake.folder import Folder

        return Folder(Path(lake))
    return lake
