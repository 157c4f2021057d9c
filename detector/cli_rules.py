"""`detector rules …`: look at the rules and prove them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.terminal import counted, printable, table_lines

if TYPE_CHECKING:
    from detector.rules.rule import Rule, RuleSet

rules_app = typer.Typer(help="List, show and check the detection rules.", no_args_is_help=True, rich_markup_mode=None)

_Directories = Annotated[
    list[Path] | None, typer.Option("--rules", help="Directory with rules of your own; repeat for more.", metavar="DIR")
]


@rules_app.command(name="list")
def list_command(
    rules: _Directories = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")] = False,
) -> None:
    """List all rules.

    Example: detector rules list
    """
    rule_set = _load(rules)
    if as_json:
        for rule in rule_set.rules:
            typer.echo(json.dumps(_metadata(rule)))
    else:
        rows = [(rule.id, rule.severity, rule.confidence, rule.title) for rule in rule_set.rules]
        for line in table_lines(("id", "severity", "confidence", "title"), rows):
            typer.echo(line)
    _end_with(rule_set)


@rules_app.command(name="show")
def show_command(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="The rule's id.")], rules: _Directories = None
) -> None:
    """Show one rule: what it means, what to do, and its SQL.

    Example: detector rules show root_mfa_deactivated
    """
    from detector.errors import UsageError
    from detector.rules.show import rule_text

    rule_set = _load(rules)
    by_id = {rule.id: rule for rule in rule_set.rules}
    if rule_id not in by_id:
        raise UsageError(f"there is no rule {printable(rule_id)!r}", hint="`detector rules list` lists them")
    typer.echo(rule_text(by_id[rule_id]))


@rules_app.command(name="check")
def check_command(
    directories: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR…]", help="Rule directories; default: the shipped rules.")
    ] = None,
) -> None:
    """Check rule files: format, result contract, and every example.

    Exit codes: 0 all is well, 2 something is not.

    Example: detector rules check my-rules/
    """
    from detector.rules.check import check_rules
    from detector.rules.rule import load_rules, shipped_rules_directory

    chosen = directories or [shipped_rules_directory()]
    problems = check_rules(*chosen)
    for problem in problems:
        where = f"{problem.path}: " if problem.path else ""
        typer.echo(f"error: {printable(where + problem.message)}", err=True)
        if problem.hint:
            typer.echo(f"hint: {printable(problem.hint)}", err=True)
    typer.echo(f"{counted(len(load_rules(*chosen).rules), 'rule')}, {counted(len(problems), 'problem')}", err=True)
    raise typer.Exit(2 if problems else 0)


def _load(directories: list[Path] | None) -> RuleSet:
    from detector.rules.rule import load_rules, shipped_rules_directory

    return load_rules(shipped_rules_directory(), *(directories or []))


def _end_with(rule_set: RuleSet) -> None:
    for error in rule_set.errors:
        typer.echo(f"error: {printable(error)}", err=True)
    raise typer.Exit(2 if rule_set.errors else 0)


def _metadata(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "attack": list(rule.attack),
        "monotone": rule.monotone,
        "description": rule.description,
        "response": rule.response,
        "false_positives": list(rule.false_positives),
        "references": list(rule.references),
        "path": str(rule.path),
    }
