"""Help texts from docstrings: examples stay as they are written, to be copied."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getdoc


def help_text(command: Callable[..., None]) -> str:
    """Return a command's docstring with click's mark for paragraphs that are not to be wrapped at each example."""
    return "\n\n".join(
        f"\b\n{paragraph}" if paragraph.startswith("Example: ") else paragraph
        for paragraph in (getdoc(command) or "").split("\n\n")
    )
