"""What the shell offers when somebody presses Tab."""

from __future__ import annotations

from pathlib import Path

import typer


def complete_rule_id(context: typer.Context, incomplete: str) -> list[str]:
    """Return the rule ids that begin so: of the shipped rules, and of what `--rules` has named before."""
    from detector.rules.rule import rule_ids, shipped_rules_directory

    directories = [Path(one) for one in context.params.get("rules") or ()]
    return [one for one in rule_ids(shipped_rules_directory(), *directories) if one.startswith(incomplete)]
