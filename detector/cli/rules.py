"""`detector rules …`: list, show, write, check and explain rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import ListFormat, format_option
from detector.cli.completion import complete_rule_id
from detector.cli.engine_options import CORES, Jobs
from detector.cli.lake_option import Lake
from detector.cli.manners import add_commands
from detector.cli.options import RuleDirectories, Suppressions
from detector.cli.progress import count_bar
from detector.cli.tables import write_table
from detector.cli.terminal import inform, say, say_error
from detector.errors import UsageError
from detector.text import counted, printable

if TYPE_CHECKING:
    from detector.rules.rule import Rule, RuleSet

rules_app = typer.Typer(help="List, show, write, check, explain rules.", no_args_is_help=True, rich_markup_mode=None)


_RuleId = Annotated[str, typer.Argument(metavar="ID", help="The rule's id.", autocompletion=complete_rule_id)]


def list_command(
    rules: RuleDirectories = None,
    format_: Annotated[
        ListFormat,
        format_option(ListFormat, "Format of the rows.", former={"json": "jsonl"}),
    ] = ListFormat.TABLE,
) -> None:
    """List all rules.

    Example: detector rules list --format jsonl | jq -r .id
    """
    rule_set = _load(rules)
    if format_ is ListFormat.JSONL:
        for rule in rule_set.rules:
            typer.echo(json.dumps(_metadata(rule)))
    else:
        rows = [(rule.id, rule.severity, rule.confidence, rule.title) for rule in rule_set.rules]
        write_table(("id", "severity", "confidence", "title"), rows)
    _end_with(rule_set)


def show_command(rule_id: _RuleId, rules: RuleDirectories = None) -> None:
    """Show one rule.

    Prints its meaning, the response to it, and its SQL.

    Example: detector rules show root_mfa_deactivated
    """
    from detector.rules.show import rule_text

    typer.echo(rule_text(_rule(rule_id, rules)))


def new_command(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="The new rule's id: lower case with underscores.")],
    output: Annotated[Path, typer.Option("--output", help="Directory to write to.", metavar="DIR")] = Path("my-rules"),
) -> None:
    """Write the beginning of a rule.

    Writes ID.sql and ID.examples.json, which pass `rules check` as they are. Change both until the rule is yours.

    Example: detector rules new root_made_a_user --output my-rules/
    """
    from detector.errors import SinkError
    from detector.rules.rule import rule_ids, shipped_rules_directory
    from detector.rules.skeleton import skeleton

    texts = skeleton(rule_id)
    if rule_id in rule_ids(shipped_rules_directory()):
        raise UsageError(f"there is a shipped rule {rule_id!r}", hint="a rule of your own needs an id of its own")
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name in texts:
            if (output / name).exists():
                raise UsageError(f"{output / name} exists", hint="remove it first, or take another id")
        for name, text in texts.items():
            with (output / name).open("x", encoding="utf-8") as file:
                file.write(text)
            say(f"{output / name}")
    except OSError as error:
        raise SinkError(f"cannot write to {output}: {error.strerror}") from error
    say(f"next: detector rules check {output}")


def check_command(
    directories: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR…]", help="Rule directories; default: the shipped rules.")
    ] = None,
    suppressions: Suppressions = None,
    jobs: Jobs = CORES,
) -> None:
    """Check rules, or suppressions.

    Checks format, result contract and every example. With --suppressions, checks that file instead; directories then
    hold rules of your own that its entries name.

    Exit codes: 0 all is well, 2 something is not.

    Example: detector rules check my-rules/

    Example: detector rules check --suppressions suppressions.toml
    """
    from detector.workers import prestart_workers

    prestart_workers(jobs, "detector.rules.check")
    from detector.rules.check import check_rules, check_suppressions
    from detector.rules.rule import load_rules, shipped_rules_directory

    if suppressions is not None:
        problems, checked = check_suppressions(suppressions, _load(directories).rules)
        noun = "suppression"
    else:
        chosen = directories or [shipped_rules_directory()]
        with count_bar("rules checked") as show:
            problems = check_rules(*chosen, jobs=jobs, show=show)
        checked, noun = len(load_rules(*chosen).rules), "rule"
    for problem in problems:
        where = f"{problem.path}: " if problem.path else ""
        say(f"error: {where}{problem.message}")
        if problem.hint:
            say(f"hint: {problem.hint}")
    inform(f"{counted(checked, noun)}, {counted(len(problems), 'problem')}")
    raise typer.Exit(2 if problems else 0)


def docs_command(
    output: Annotated[Path, typer.Option("--output", help="Directory to write to.", metavar="DIR")] = Path("docs"),
    rules: RuleDirectories = None,
) -> None:
    """Write the documentation of the rules.

    Writes rules.md with an ATT&CK table, and a layer for ATT&CK Navigator.

    Example: detector rules docs --output docs/
    """
    from detector.errors import SinkError
    from detector.rules.docs import pages

    rule_set = _load(rules)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in pages(rule_set.rules).items():
            (output / name).write_text(text, encoding="utf-8")
            inform(f"{output / name}")
    except OSError as error:
        raise SinkError(f"cannot write to {output}: {error.strerror}") from error
    _end_with(rule_set)


def explain_command(
    rule_id: _RuleId,
    lake: Lake,
    event_id: Annotated[str, typer.Option("--event-id", help="An eventID, as in event_ids.", metavar="ID")],
    rules: RuleDirectories = None,
) -> None:
    """Show why a rule reports an event, or not.

    Prints the event's columns, and which of the rule's conditions hold.

    Example: detector rules explain root_api_call --event-id 7d1f7c1e-0001-4c6e-9a40-0d6f0d7b7a11 --lake lake/
    """
    from detector.lake.reader import read_lake
    from detector.rules.engine import Engine
    from detector.rules.explain import explain, explanation_lines

    rule = _rule(rule_id, rules)
    with Engine(read_lake(lake)) as engine:
        for line in explanation_lines(rule, explain(engine, rule, event_id)):
            typer.echo(printable(line))


def _rule(rule_id: str, directories: list[Path] | None) -> Rule:
    by_id = {rule.id: rule for rule in _load(directories).rules}
    if rule_id not in by_id:
        from detector.rules.rule import hint_of_unknown

        raise UsageError(f"there is no rule {rule_id!r}", hint=hint_of_unknown(rule_id, by_id))
    return by_id[rule_id]


def _load(directories: list[Path] | None) -> RuleSet:
    from detector.rules.rule import load_rules, shipped_rules_directory

    return load_rules(shipped_rules_directory(), *(directories or []))


def _end_with(rule_set: RuleSet) -> None:
    for error in rule_set.errors:
        say_error(error)
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


add_commands(
    rules_app,
    {
        "list": list_command,
        "show": show_command,
        "new": new_command,
        "check": check_command,
        "docs": docs_command,
        "explain": explain_command,
    },
)
