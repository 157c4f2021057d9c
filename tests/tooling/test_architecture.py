"""Modules import downwards only, and in no circle; the list below is the architecture."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "detector"

# Lowest first. A module may import from lower layers and from its own folder, never from a higher layer.
GROUND_FLOOR = [
    {"errors", "severity", "interpreter", "backoff", "aws_regions", "lake_layout", "reasons"},
    {"text", "times", "scope", "workers", "array_libraries"},
]
LAYERS = [
    *GROUND_FLOOR,
    {"engines"},
    {"records"},
    {"sources"},
    {"verify"},
    {"lake"},
    {"rules"},
    {"alerts"},
    {"run_report"},
    {"batching"},
    {"detect"},
    {"bundle", "ingest", "publish", "scan", "posture", "story"},
    {"watch", "doctor", "report"},
    {"cli", "api"},
    {"__main__"},
]
FLAT = {*set().union(*GROUND_FLOOR), "run_report", "batching", "api", "__main__"}
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__init__.py"
}


def layer_of(module: str) -> str:
    return module.split(".")[1]


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of the package that a module imports, wherever it does, but for its type hints."""

    def below(node: ast.AST) -> Iterator[ast.ImportFrom]:
        for child in ast.iter_child_nodes(node):
            is_for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            if isinstance(child, ast.ImportFrom):
                yield child
            elif not is_for_types:
                yield from below(child)

    for node in below(ast.parse(path.read_text())):
        for alias in node.names:
            for name in (f"{node.module}.{alias.name}", node.module or ""):
                if name in MODULES:
                    yield name
                    break


@cache
def imports() -> Mapping[str, set[str]]:
    return {module: set(imported(path)) for module, path in MODULES.items()}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_downwards_only(module: str) -> None:
    own = layer_of(module)
    for name in {layer_of(other) for other in imports()[module]} - {own}:
        assert LEVEL[name] < LEVEL[own], f"{own} must not import {name}"


def test_no_module_imports_itself_in_the_end() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_top_holds_the_ground_floor_and_folders() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} == FLAT


@pytest.mark.parametrize("module", MODULES)
def test_a_module_stays_short(module: str) -> None:
    assert len(MODULES[module].read_text().splitlines()) <= 300


def test_no_command_takes_more_than_eight_parameters() -> None:
    for path in (PACKAGE / "cli").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_command"):
                assert len(node.args.args) + len(node.args.kwonlyargs) <= 8, node.name


def test_only_the_entry_point_catches_everything() -> None:
    catchers = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and isinstance(node.type, ast.Name)
        and node.type.id in ("Exception", "BaseException")
        and not any(isinstance(statement, ast.Raise) for statement in ast.walk(node))
    }
    assert catchers == {"detector.cli.app"}
