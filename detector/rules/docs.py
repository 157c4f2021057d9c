"""The rules' documentation, made from their metadata and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from detector.rules.attack import TACTICS
from detector.rules.rule import Reads, Rule


def pages(rules: Sequence[Rule]) -> dict[str, str]:
    """Return all files of the documentation, by name."""
    return {
        "rules.md": rules_page(rules),
        "attack-navigator.json": json.dumps(navigator_layer(rules), indent=2) + "\n",
    }


def rules_page(rules: Sequence[Rule]) -> str:
    """Return a Markdown page with all rules, and the ATT&CK techniques they are about."""
    return "\n".join([*_overview(rules), *_attack_table(rules), *(line for rule in rules for line in _section(rule))])


def navigator_layer(rules: Sequence[Rule]) -> dict[str, Any]:
    """Return a layer for ATT&CK Navigator: of each technique, how many rules are about it, and which.

    Source: "ATT&CK Navigator Layer File Format Definition", version 4.5.
    """
    by_technique: dict[str, set[str]] = {}
    for (_, technique), found in _by_technique(rules):
        by_technique.setdefault(technique, set()).update(found)
    return {
        "name": "detector: AWS root, MFA and the trail",
        "versions": {"attack": "19", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": "What the rules over CloudTrail are about. The score is the number of rules.",
        "techniques": [
            {"techniqueID": technique, "score": len(found), "comment": ", ".join(sorted(found)), "enabled": True}
            for technique, found in sorted(by_technique.items())
        ],
        "gradient": {
            "colors": ["#ffffff", "#d9534f"],
            "minValue": 0,
            "maxValue": max(map(len, by_technique.values()), default=1),
        },
        "showTacticRowBackground": True,
    }


def _overview(rules: Sequence[Rule]) -> Iterator[str]:
    yield "# Rules"
    yield ""
    yield "Written by `detector rules docs` from the metadata in `queries/`; do not edit. Severity is that of most"
    yield "findings; a rule may set another one row by row. Confidence is how likely a finding is what its title says."
    yield ""
    yield "| rule | severity | confidence | finds |"
    yield "| --- | --- | --- | --- |"
    for rule in rules:
        yield f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.confidence} | {_cell(rule.title)} |"
    yield ""


def _attack_table(rules: Sequence[Rule]) -> Iterator[str]:
    yield "## ATT&CK"
    yield ""
    yield "`attack-navigator.json` beside this page is the same as a layer for ATT&CK Navigator. Version 19 of ATT&CK"
    yield "calls T1562.008 T1685.002: both are named, since SIEMs know one or the other."
    yield ""
    yield "| tactic | technique | rules |"
    yield "| --- | --- | --- |"
    for (tactic, technique), found in _by_technique(rules):
        name = f"{tactic} {TACTICS.get(tactic, '')}".strip()
        link = f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"
        yield f"| {name} | [{technique}]({link}) | {', '.join(f'[{rule_id}](#{rule_id})' for rule_id in found)} |"
    yield ""


def _by_technique(rules: Iterable[Rule]) -> list[tuple[tuple[str, str], list[str]]]:
    found: dict[tuple[str, str], list[str]] = {}
    for rule in rules:
        for entry in rule.attack:
            tactic, _, technique = entry.partition(":")
            found.setdefault((tactic, technique), []).append(rule.id)
    return sorted(found.items())


def _section(rule: Rule) -> Iterator[str]:
    yield f"## {rule.id}"
    yield ""
    yield f"**{rule.title}.** Severity {rule.severity}, confidence {rule.confidence}."
    yield ""
    yield rule.description
    yield ""
    yield "What to do:"
    yield ""
    yield rule.response
    yield ""
    yield from _listed("False alarms:", rule.false_positives)
    if not rule.monotone:
        yield "Data that arrives later can take a finding back: `detector detect --withdrawn` lists such alerts."
        yield ""
    if rule.reports_alone is not None:
        yield "Rules about any call of root leave these events out."
        yield ""
    if rule.reads is Reads.EVENTS:
        yield "Reads all events of the lake, which costs a scan."
        yield ""
    yield from _listed("References:", rule.references)


def _listed(heading: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield heading
        yield ""
        yield from (f"- {item}" for item in items)
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
