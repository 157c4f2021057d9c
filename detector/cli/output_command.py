"""Commands with `--output`, whose options are within its quotes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from typer.core import TyperCommand

from detector.errors import UsageError

_OUTPUT = "--output"


class OutputCommand(TyperCommand):
    """A command that notices when the shell took the options of an output off it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own click
        """Refuse an option of an output that stands behind the output as a word of its own.

        Raises:
            UsageError: there is one; it would be an argument too many, or a source.
        """
        from detector.alerts.sinks.address import is_option

        for output, word in pairwise(_outputs_joined(args)):
            if output.startswith(f"{_OUTPUT}=") and is_option(word) and not os.path.exists(word):  # noqa: PTH110 - False for any text
                raise UsageError(
                    f"{word.partition('=')[0]} stands outside of the output that it is for",
                    hint=f"write quotes around an output and its options: {_OUTPUT} 'URL {word}'",
                )
        return super().parse_args(ctx, args)


def _outputs_joined(args: Sequence[str]) -> list[str]:
    """Return the arguments, `--output` and the value behind it as one."""
    joined: list[str] = []
    for arg in args:
        if joined and joined[-1] == _OUTPUT:
            joined[-1] += f"={arg}"
        else:
            joined.append(arg)
    return joined
