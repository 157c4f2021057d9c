"""botocore's models of AWS's services, found and read faster: they are most of what a client takes to start."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import botocore.session
    from botocore.loaders import JSONFileLoader, Loader

_CONTENT: Final[Mapping[str, Callable[[bytes], bytes]]] = {".json": bytes, ".json.gz": gzip.decompress}


def tune_models(session: botocore.session.Session) -> None:
    """Have a session look for models only in the folders of services that it is asked for, and read them quickly."""
    loader = session.get_component("data_loader")
    loader.list_available_services = partial(_folders, loader)
    loader.file_loader = _ModelFiles(loader.file_loader)


def _folders(loader: Loader, type_name: str) -> list[str]:  # noqa: ARG001 - a folder that lacks it is an error later
    """Return the names of all folders of models; botocore looks into each of its four hundred for the type."""
    names: set[str] = set()
    for place in loader.search_paths:
        with suppress(OSError):
            names.update(entry.name for entry in Path(place).iterdir())
    return sorted(names)


class _ModelFiles:
    """Files of models; what is odd about one is left to botocore."""

    def __init__(self, files: JSONFileLoader) -> None:
        self._files = files

    def exists(self, file_path: str) -> bool:
        """Tell whether there is a file of this name, with one of the endings."""
        return self._files.exists(file_path)

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - any JSON
        """Return what the file of this name holds; None when there is none."""
        for ending, content in _CONTENT.items():
            try:
                return msgspec.json.decode(content(Path(file_path + ending).read_bytes()))
            except FileNotFoundError:
                continue
            except (OSError, EOFError, ValueError):
                break
        return self._files.load_file(file_path)
