"""Modules import downwards only; the list below is the architecture."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "detector"

# Lowest first. A module may import from lower layers and from its own folder, never from a higher layer.
LAYERS = [
    {"errors", "severity", "formats", "safe_text"},
    {"memory", "window"},
    {"workers"},
    {"sources", "records"},
    {"lake"},
    {"rules"},
    {"alerts"},
    {"report"},
    {"terminal"},
    {"part_writer", "look", "batches"},
    {"stage"},
    {"ingest", "detect", "status", "lag", "query", "outcome"},
    {"scan"},
    {"arrivals", "arrived", "patience"},
    {"watch_state", "watch_rules", "watch_queue", "follow", "heartbeat", "metrics"},
    {"watch_alerts"},
    {"watch"},
    {"options"},
    {"cli_telling"},
    {"cli_lake", "cli_ledger", "cli_outbox", "cli_rules", "cli_scan", "cli_watch"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_layers(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    names = {node.module for node in nodes if node.module and node.module.startswith("detector.")}
    return {name.split(".")[1] for name in names}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_downwards_only(path: Path) -> None:
    own = layer_of(path)
    for name in imported_layers(path) - {own}:
        assert LEVEL[name] < LEVEL[own], f"{own} must not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_stays_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320


def test_only_the_entry_point_catches_everything() -> None:
    catchers = {
        path.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and isinstance(node.type, ast.Name)
        and node.type.id in ("Exception", "BaseException")
        and not any(isinstance(statement, ast.Raise) for statement in ast.walk(node))
    }
    assert catchers == {"cli.py"}
