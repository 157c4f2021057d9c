"""Defaults of options from the environment and from `detector.toml`, as docs/reference/configuration.md describes them.

What the command line says comes first, then the environment, then the file, then what is built in.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from detector.alerts.sinks.address import is_file, shown_output, written_output
from detector.cli.terminal import say
from detector.errors import UsageError
from detector.text import is_scheme, nearest, printable

FILE = "detector.toml"
PREFIX = "DETECTOR_"
_MOST_BYTES = 1_000_000
_EXPECTED: Mapping[str, tuple[tuple[type, ...], str]] = {
    "boolean": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
}
_TEXT = ((str,), "text")
# What a file may set that nobody named, since it may lie in the evidence: how the work is done. Not what is read or
# left out, by what it is judged, or where anything is written.
OF_FOUND_FILES = frozenset(
    {"lake", "profile", "jobs", "format", "verbose", "fail-on", "require", "verify", "rule-seconds", "delivery-seconds"}
    | {"interval", "max-delay", "max-messages", "heartbeat", "lag"}
)


@dataclass(frozen=True, slots=True)
class _Option:
    """An option of a command. `command` is as a table of the file names it, "" for the program itself."""

    command: str
    words: tuple[str, ...]  # the command as it is typed
    name: str
    parameter: Any  # typer's own click

    @property
    def kind(self) -> tuple[object, ...]:
        """What tells options of one name apart that do not mean the same."""
        return self.parameter.multiple, self.parameter.is_flag, self.parameter.metavar, self.parameter.type.name


class _Options:
    """The options of all commands, by their names."""

    def __init__(self, program: Any) -> None:  # noqa: ANN401 - typer's own click
        self.by_name: dict[str, list[_Option]] = defaultdict(list)
        self.by_command: dict[str, dict[str, _Option]] = {}
        for words, command in _commands(program):
            table = "-".join(words)
            found = [
                _Option(table, words, max(parameter.opts, key=len).lstrip("-"), parameter)
                for parameter in command.params
                if parameter.param_type_name == "option" and _is_setting(parameter)
            ]
            if found:
                self.by_command[table] = {option.name: option for option in found}
            for option in found:
                self.by_name[option.name].append(option)

    def is_common(self, name: str) -> bool:
        """Tell whether the option means the same wherever there is one of this name."""
        return len({option.kind for option in self.by_name[name]}) == 1


def configure(context: typer.Context, named: Path | None) -> Path | None:
    """Give the options their defaults of the environment and the file, before any of them is read.

    Args:
        context: of the program.
        named: `--config`; without it the file is looked for from the working directory upwards.

    Raises:
        UsageError: the file cannot be read, is somebody else's, or something is wrong with it; or it was found, and
            sets what only a file that was named may set.
    """
    if not context.resilient_parsing:  # completion asks for no values
        options = _Options(context.command)
        _name_variables(options, os.environ)
        path = named or find_file()
        if path is not None:
            document = _read(path, is_named=named is not None)
            context.default_map = _defaults(options, document, path)
            if named is None:
                _require_harmless(document, path)
                say(f"options are set by {path}, which was found; --config names another")
    return named


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401
    yield words, command
    for word, member in getattr(command, "commands", {}).items():
        yield from _commands(member, (*words, word))


def _is_setting(parameter: Any) -> bool:  # noqa: ANN401 - typer's own click
    """Tell it from what ends the program at once, such as --help, and from former names, which are hidden."""
    return parameter.expose_value and not parameter.is_eager and not parameter.hidden


# The environment ------------------------------------------------------------------------------------------------------


def _name_variables(options: _Options, environment: Mapping[str, str]) -> None:
    """Let each option be set by DETECTOR_OPTION or, before it, DETECTOR_COMMAND_OPTION."""
    for name, alike in options.by_name.items():
        common = _variable(name)
        is_common = options.is_common(name)
        for option in alike:
            own = _variable(f"{option.command}-{name}" if option.command else name)
            variables = (own, common) if is_common else (own,)
            in_use = next((variable for variable in variables if environment.get(variable)), None)
            if in_use is not None:
                option.parameter.envvar = in_use  # which the help shows, and an error
                value = environment[in_use]
                shown = " ".join(map(shown_output, value.split())) if _is_output(option) else value
                _show(option.parameter, shown)
        if environment.get(common) and not is_common:
            raise UsageError(
                f"{common} is set, and --{name} is not the same for all commands",
                hint=f"set one for each command, such as {_variable(f'{alike[0].command}-{name}')}",
            )


def _variable(name: str) -> str:
    return PREFIX + name.upper().replace("-", "_")


# The file -------------------------------------------------------------------------------------------------------------


def find_file() -> Path | None:
    """Return the next file from the working directory upwards."""
    try:
        directory = Path.cwd()
    except OSError:  # it has been removed
        return None
    for folder in (directory, *directory.parents):
        path = Path(folder, FILE)
        if os.path.lexists(path):
            return path
    return None


def _read(path: Path, *, is_named: bool) -> dict[str, Any]:
    import tomllib

    try:
        if not is_named:
            _require_own(path)
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise UsageError(f"{path} is larger than {_MOST_BYTES:,} bytes", hint="it holds settings and nothing else")
        return tomllib.loads(content.decode())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}", hint="see --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", hint="docs/reference/configuration.md has an example") from error


def _require_own(path: Path) -> None:
    """Refuse a file that somebody else may have put where the search comes by: it says where alerts go."""
    reason = None
    for place, status in (("its directory", path.parent.stat()), ("it", path.lstat()), ("it", path.stat())):
        is_open = (
            status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX and not stat.S_ISLNK(status.st_mode)
        )
        if status.st_uid not in (0, os.geteuid()):
            reason = f"{place} belongs to somebody else"
        elif is_open:
            reason = f"{place} can be written by everybody"
    if not stat.S_ISREG(path.stat().st_mode):
        reason = "it is no regular file"
    if reason is not None:
        raise UsageError(f"{path} is not used: {reason}", hint="if you trust it, name it with --config; else remove it")


def _require_harmless(document: Mapping[str, Any], path: Path) -> None:
    """Refuse a file that was found when what it sets could hide something, or give it away."""
    keys = [(key, value, key) for key, value in document.items() if not isinstance(value, dict)]
    for table, settings in document.items():
        if isinstance(settings, dict):
            keys += [(key, value, f"[{table}] {key}") for key, value in settings.items()]
    elsewhere = {name for key, value, name in keys if key == "lake" and is_scheme(f"{value}")}
    refused = [name for key, _, name in keys if key not in OF_FOUND_FILES or name in elsewhere]
    if refused:
        raise UsageError(
            f"{path} was found, not named, and sets {', '.join(refused[:8])}{' …' * (len(refused) > 8)}",
            hint=f"if you trust it: --config {path}, or DETECTOR_CONFIG; if not: --config /dev/null",
        )


def _defaults(options: _Options, document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return what click takes as the defaults of all commands: by the words of a command, then by parameter."""
    defaults: dict[str, Any] = {}
    for key, value in document.items():
        if not isinstance(value, dict):
            for option in _common(options, key, path):
                _set(defaults, option, value, path, key)
    for table, settings in document.items():
        if isinstance(settings, dict):
            known = options.by_command.get(table) if table else None
            if known is None:
                raise _unknown(f"{path}: [{table}] is no command", table, options.by_command)
            for key, value in settings.items():
                if key not in known:
                    raise _unknown(f"{path}: [{table}] has no option {key!r}", key, known)
                _set(defaults, known[key], value, path, f"[{table}] {key}")
    return defaults


def _common(options: _Options, name: str, path: Path) -> list[_Option]:
    if name not in options.by_name:
        raise _unknown(f"{path}: there is no option {name!r}", name, options.by_name)
    if not options.is_common(name):
        tables = " or ".join(f"[{option.command}]" for option in options.by_name[name][:2])
        raise UsageError(
            f"{path}: {name} is not the same for all commands", hint=f"put it into the table of a command: {tables}"
        )
    return options.by_name[name]


def _unknown(message: str, word: str, known: Mapping[str, object]) -> UsageError:
    near = nearest(word, known)
    return UsageError(
        message, hint=f"did you mean {near}?" if near else "docs/reference/configuration.md says what may be set"
    )


def _set(defaults: dict[str, Any], option: _Option, value: object, path: Path, key: str) -> None:
    where = f"{path}: {key}"
    parameter = option.parameter
    if parameter.multiple:
        if not isinstance(value, list):
            raise UsageError(f"{where} must be a list", hint=f"write {option.name} = [{value!r}]")
        given: Any = [_checked(parameter, _as_text(option, one, where), where, path) for one in value]
    else:
        given = _checked(parameter, value, where, path)
    members = defaults
    for word in option.words:
        members = members.setdefault(word, {})
    members[parameter.name] = given
    if parameter.envvar is None:
        texts = map(shown_output, given) if _is_output(option) else map(str, given if parameter.multiple else [given])
        _show(parameter, f"{', '.join(texts)} of {path.name}")


def _is_output(option: _Option) -> bool:
    """Tell whether the values of an option are outputs of alerts."""
    return option.name == "output" and option.parameter.multiple


def _as_text(option: _Option, value: object, where: str) -> object:
    """Return an output that is written as a table as it is typed; another value as it is."""
    if not isinstance(value, dict) or not _is_output(option):
        return value
    try:
        return written_output(value)
    except UsageError as error:
        raise UsageError(f"{where}: {error}", hint=error.hint) from error


def _show(parameter: Any, default: str) -> None:  # noqa: ANN401 - typer's own click
    """Let the help show what the option is set to."""
    parameter.show_default = printable(default)
    parameter.required = False


def _checked(parameter: Any, value: object, where: str, path: Path) -> object:  # noqa: ANN401 - typer's own click
    types, expected = _EXPECTED.get(parameter.type.name.split()[0], _TEXT)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        message = f"{where} must be {expected}, and is {printable(value)}"
        raise UsageError(message, hint="text is in quotes, the rest not")
    if isinstance(value, str) and _is_path(parameter, value):
        value = str(Path(path.parent, value))
    try:
        parameter.type(value, param=parameter, ctx=None)
    except typer.BadParameter as error:
        raise UsageError(f"{where}: {error.message}", hint=f"see {parameter.opts[0]} in the help") from error
    return value


def _is_path(parameter: Any, value: str) -> bool:  # noqa: ANN401 - typer's own click
    """Tell whether a value is relative to the folder of the file, which may lie above the working directory."""
    kinds = (parameter.metavar or "").split("|")
    return ("FILE" in kinds or "DIR" in kinds) and is_file(value)
