"""The command line as a whole: its commands, and the one place where an error becomes an exit code.

duckdb, pyarrow and boto3 are imported inside the commands: `--help` must not wait for them. And no command waits for
the others.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.commands import NAMES, add, add_outline
from detector.cli.configuration import PREFIX, configure, find_file
from detector.cli.exit_codes import ERROR, INTERRUPTED
from detector.cli.interrupt import is_interruption
from detector.cli.manners import Quiet, Verbose
from detector.cli.terminal import manners, say, say_error
from detector.cli.version import Program, show_version
from detector.errors import DetectorError, OutputClosed

_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # of a file to be written to
_LISTS_COMMANDS: tuple[list[str], ...] = ([], ["--help"], ["-h"])  # command lines that ask for no more
_INTERRUPTED = "interrupted; what was committed stays, run the same command again to go on"


def _detector(
    verbose: Verbose = False,
    quiet: Quiet = False,
    version: Annotated[  # noqa: ARG001 - the callback prints it
        bool,
        typer.Option(
            "--version",
            callback=show_version,
            is_eager=True,
            help="Show the version and exit; with --verbose also whether the compiled core is in use.",
        ),
    ] = False,
    config: Annotated[  # noqa: ARG001 - the callback reads it
        Path | None,
        typer.Option(
            "--config",
            help="File with defaults of options; without it, the next detector.toml from here upwards.",
            metavar="FILE",
            envvar="DETECTOR_CONFIG",
            show_envvar=False,
            callback=configure,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Find out from CloudTrail logs who used the AWS root user, and who tampered with MFA or the trail.

    Options may also be set in the environment, --lake as DETECTOR_LAKE, and in detector.toml.

    Exit codes: 0 done and everything was read, 1 an alert reached --fail-on, 2 bad usage, bad rule or an error,
    3 no log objects found, 4 incomplete: something could not be read, or alerts could not be delivered, 5 damaged:
    something is not as AWS signed it.
    """
    manners.verbose, manners.quiet = verbose, quiet


@cache
def _program(*names: str, is_outline: bool = False) -> typer.Typer:
    """Return the program with these commands and groups of commands; in outline, with names and help alone."""
    program = typer.Typer(
        name="detector",
        cls=Program,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_detector)
    for name in names:
        (add_outline if is_outline else add)(program, name)
    return program


def __getattr__(name: str) -> typer.Typer:
    """Return, as `app`, the whole program."""
    if name != "app":
        raise AttributeError(name)
    return _program(*NAMES)


def _needed(arguments: Sequence[str]) -> Sequence[str]:
    """Return the names of the commands that a command line needs: the one that it begins with; failing that, all.

    What may set options of any command, the environment or a file that is found, is held against the options of all.
    """
    return arguments[:1] if arguments and arguments[0] in NAMES and not _sets_options() else NAMES


def _sets_options() -> bool:
    return any(name.startswith(PREFIX) for name in os.environ) or find_file() is not None


def main() -> None:
    """Entry point: turn whatever goes wrong into one line, one hint and an exit code."""
    try:
        arguments = sys.argv[1:]
        _program(*_needed(arguments), is_outline=arguments in _LISTS_COMMANDS and not _sets_options())()
    except OutputClosed as error:
        _end(error.exit_code)
    except DetectorError as error:
        say_error(error)
        _end(error.exit_code)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # typer's answer to Ctrl-C, given in silence
            say(_INTERRUPTED)
        if isinstance(ended.__context__, BrokenPipeError):  # which typer answers with 1, as if --fail-on were reached
            _end(OutputClosed.exit_code)
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback in a cron mail
        if is_interruption(error):
            say(_INTERRUPTED)
            _end(INTERRUPTED)
        if isinstance(error, OSError) and _is_of_output(error):
            from detector.alerts.sinks.local import forget_standard_output

            forget_standard_output()
            say(f"error: cannot write to standard output: {error.strerror}")
            say("hint: is the disk full? write somewhere else")
            _end(ERROR)
        say(f"error: unexpected {type(error).__name__}: {error}")
        say("hint: run it again with --verbose and report the traceback")
        _end(ERROR)


def _is_of_output(error: OSError) -> bool:
    """Tell whether standard output refused to be written to: then it does once more."""
    if error.errno not in _REFUSALS or error.filename is not None:
        return False
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError as again:
        return again.errno == error.errno
    return False


def _end(code: int) -> None:
    if manners.verbose:
        traceback.print_exc()
    sys.exit(code)
