"""One rule as text for a person."""

from __future__ import annotations

from detector.rules.rule import Rule


def rule_text(rule: Rule) -> str:
    """Return what a responder needs to know about a rule, then its SQL."""
    lines = [
        f"{rule.id}: {rule.title}",
        f"severity {rule.severity}, confidence {rule.confidence}, ATT&CK {', '.join(rule.attack)}",
        "",
        rule.description.strip(),
        "",
        "What to do:",
        rule.response.strip(),
    ]
    if rule.false_positives:
        lines += ["", "False positives:", *(f"- {text}" for text in rule.false_positives)]
    lines += ["", "References:", *(f"- {url}" for url in rule.references), "", rule.sql]
    return "\n".join(lines)
