"""Messages that nobody understands, kept beside the lake's rejected records: each body once."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64encode
from datetime import datetime
from pathlib import Path

from detector.lake.disk import disk_error, fsync_folder
from detector.lake_layout import PartKind

# Whoever can send to the queue must not be able to fill the disk.
_MOST_KEPT = 10_000
_MOST_BYTES = 256 << 20


class Quarantine:
    """The messages kept in one lake, as `rejected/message-<sha256 of the body>.json`."""

    def __init__(self, lake: Path) -> None:
        self._folder = lake / PartKind.REJECTED
        self._kept = {path.name: path.stat().st_size for path in self._folder.glob("message-*.json")}
        self.is_full = False  # there was a body that it had no room for

    def keep(self, body: str, reason: str, now: datetime) -> bool:
        """Keep a body and why it is here, unless it is here already or there is no room; say whether it is.

        Raises:
            LakeError: the disk refuses.
        """
        data = body.encode("utf-8", "surrogatepass")
        name = f"message-{hashlib.sha256(data).hexdigest()}.json"
        if name in self._kept:
            return True
        # The body in base64: nothing in it may reach a terminal.
        line = {"reason": reason, "kept_at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "body_base64": b64encode(data).decode()}
        text = json.dumps(line) + "\n"
        if len(self._kept) >= _MOST_KEPT or sum(self._kept.values()) + len(text) > _MOST_BYTES:
            self.is_full = True
            return False
        _write(self._folder / name, text)
        self._kept[name] = len(text)
        return True


def _write(path: Path, text: str) -> None:
    beside = path.with_suffix(".tmp")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
        fsync_folder(path.parent)
    except OSError as error:
        raise disk_error(f"cannot write {path}", error) from error
