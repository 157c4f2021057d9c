"""Options in groups: a dataclass describes options that belong together, and a command takes it as one parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command in which each parameter that is a dataclass has become its fields: an option for each.

    The default of such a parameter, an instance, has the defaults of that command's options; without one, the defaults
    are those of the dataclass.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {}
    flat: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        kind = hints[parameter.name]
        if is_dataclass(kind) and isinstance(kind, type):
            groups[parameter.name] = kind
            flat += _options(kind, parameter.default)
        else:
            flat.append(parameter.replace(annotation=kind, kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def call(**values: object) -> None:
        command(**_gathered(values, groups))

    call.__signature__ = Signature(flat)  # type: ignore[attr-defined]  # what typer reads
    del call.__wrapped__  # and not the signature of what is called
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return call


def _options(group: type[Any], defaults: object) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    options = []
    for field in fields(group):
        default = field.default if defaults is Parameter.empty else getattr(defaults, field.name)
        options.append(Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]))
    return options


def _gathered(values: Mapping[str, object], groups: Mapping[str, type[Any]]) -> dict[str, object]:
    """Return a command's arguments, the options of each group put together."""
    members = {field.name for group in groups.values() for field in fields(group)}
    arguments = {name: value for name, value in values.items() if name not in members}
    for name, group in groups.items():
        arguments[name] = group(**{field.name: values[field.name] for field in fields(group)})
    return arguments
