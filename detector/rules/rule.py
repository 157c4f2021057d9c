"""Rules: one `.sql` file each, metadata in a leading comment block.

The block follows PEP 723's inline-metadata form with SQL's comment marker:

    -- /// rule
    -- title = "…"
    -- ///

The body between the markers is TOML. The rule's id is its file name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import detector
from detector.errors import RuleError, RuleQueryError
from detector.rules.metadata import Metadata, split_block
from detector.severity import Severity
from detector.text import nearest

if TYPE_CHECKING:
    from detector.rules.sql_check import Statement

VIEWS = "_views"  # the folder beside the shipped rules with what they read
_ID = re.compile(r"[a-z][a-z0-9_]*")
_TECHNIQUE = re.compile(r"TA\d{4}:T\d{4}(\.\d{3})?")


class Confidence(StrEnum):
    """The likelihood that a finding is what its title says, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Reads(StrEnum):
    """The part of the lake that a rule goes through."""

    CANDIDATES = "candidates"  # the rows that every run picks out anyway
    EVENTS = "events"  # all of it, which costs a scan


@dataclass(frozen=True, slots=True)
class Rule:
    """One SQL rule and what a responder needs to know about it."""

    id: str
    title: str
    severity: Severity  # unless the row says otherwise
    confidence: Confidence
    attack: tuple[str, ...]  # "TA0001:T1078.004"
    description: str
    response: str
    false_positives: tuple[str, ...]
    references: tuple[str, ...]
    monotone: bool  # later data can only add findings, never take one back
    reads: Reads
    reports_alone: (
        str | None
    )  # a view that it reads, all of whose events it reports: rules about any call leave them out
    sql: str
    path: Path
    url: str | None = None  # its page, for whoever reads an alert

    @property
    def statement(self) -> Statement:
        """What its SQL refers to."""
        from detector.rules.sql_check import parse_select

        return parse_select(self.sql)

    @property
    def is_shipped(self) -> bool:
        """True when it came with the program."""
        return _is_shipped(self.path.parent)

    @property
    def examples_path(self) -> Path:
        """The path of the rule's examples, whether or not they exist."""
        return self.path.with_suffix(".examples.json")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of some directories: a broken file does not hide the others."""

    rules: tuple[Rule, ...]  # sorted by id
    errors: tuple[RuleError, ...]


def shipped_rules_directory() -> Path:
    """Return the directory of the rules that come with the program, and of `_views`."""
    package = Path(detector.__file__).parent
    installed = package / "_queries"  # put there by the wheel; a checkout has them beside the package
    return installed if installed.is_dir() else package.parent / "queries"


@cache
def _is_shipped(directory: Path) -> bool:
    return directory.resolve() == shipped_rules_directory().resolve()


def load_rules(*directories: Path, pages: str | None = None) -> RuleSet:
    """Read the rules of all directories, sorted by id.

    A later directory may not redefine an id: a silent override hides a rule. The second file is an error, the
    first one stays.

    Args:
        directories: of rules; each file `<id>.sql` is one.
        pages: what the URL of a rule's page begins with; its id follows. None: rules have no pages.
    """
    rules: dict[str, Rule] = {}
    errors: list[RuleError] = []
    for directory in directories:
        paths = _rule_files(directory)
        if not paths:
            errors.append(RuleError(f"{directory}: no rules", hint="a rule is a file <id>.sql"))
        for path in paths:
            try:
                rule = replace(parse_rule(path), url=pages and f"{pages}{path.stem}")
                _require_shipped(rule)
            except RuleError as error:
                errors.append(error)
                continue
            first = rules.setdefault(rule.id, rule)
            if first is not rule:
                errors.append(RuleError(f"{path}: rule id already used by {first.path}", hint="rename one file"))
    return RuleSet(tuple(rules[rule_id] for rule_id in sorted(rules)), tuple(errors))


def rule_ids(*directories: Path) -> list[str]:
    """Return the ids that the files of directories have, whatever is in them."""
    return sorted(path.stem for directory in directories for path in _rule_files(directory))


def hint_of_unknown(rule_id: str, known: Iterable[str]) -> str:
    """Return what to do about an id that no rule has."""
    near = nearest(rule_id, known)
    return f"did you mean {near}?" if near else "`detector rules list` lists them"


def is_rule_id(text: str) -> bool:
    """Tell whether it may be the id of a rule."""
    return _ID.fullmatch(text) is not None


def views_reported_alone(directory: Path) -> tuple[str, ...]:
    """Return what the rules of a directory name as `reports_alone`; files that are no rules say nothing."""
    named: set[str] = set()
    for path in _rule_files(directory):
        with contextlib.suppress(RuleError, ValueError, OSError):
            if b"reports_alone" in path.read_bytes():
                named.add(_read(path)[0].pop("reports_alone", str, default=""))
    return tuple(sorted(filter(_ID.fullmatch, named)))


def parse_rule(path: Path) -> Rule:
    """Read one rule file.

    Raises:
        RuleError: the file cannot be read, has no metadata block, bad TOML, a missing, unknown or ill-typed key,
            or an ATT&CK id that is not `TA####:T####[.###]`.
        RuleQueryError: the SQL does not parse, or is not exactly one SELECT that only reads.
    """
    # Alerts name rules, and whoever formats alerts should not wait for DuckDB to be imported.
    from detector.rules.sql_check import NotOneSelect, parse_select, without_semicolons

    try:
        meta, sql = _read(path)
        rule = Rule(
            id=path.stem,
            title=meta.text("title"),
            severity=Severity(meta.text("severity")),
            confidence=Confidence(meta.text("confidence")),
            attack=meta.texts("attack"),
            description=meta.text("description"),
            response=meta.text("response"),
            false_positives=meta.texts("false_positives"),
            references=meta.texts("references"),
            monotone=meta.pop("monotone", bool, default=False),
            reads=Reads(meta.pop("reads", str, default="candidates")),
            reports_alone=meta.pop("reports_alone", str, default="") or None,
            sql=without_semicolons(sql),
            path=path,
        )
        meta.require_empty()
        if not rule.is_shipped:  # `rules check` and the tests parse those; fifty of them take longer than they run
            parse_select(sql)
    except NotOneSelect as error:
        raise RuleQueryError(f"{path}: {error}", hint="a rule is one SELECT over the views") from error
    except ValueError as error:  # bad TOML or metadata
        raise RuleError(f"{path}: {error}", hint="`detector rules show` prints a rule to copy from") from error
    for technique in rule.attack:
        if not _TECHNIQUE.fullmatch(technique):
            raise RuleError(f"{path}: bad ATT&CK id {technique!r}", hint="write TA0001:T1078.004")
    return rule


def _rule_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("[!_]*.sql"))


def _read(path: Path) -> tuple[Metadata, str]:
    """Return a rule file's metadata and SQL.

    Raises:
        RuleError: it cannot be read, or has no metadata block.
        ValueError: the block is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: cannot be read: {error}") from error
    block = split_block(text, "rule")
    if block is None:
        raise RuleError(f"{path}: no metadata", hint="start the file with `-- /// rule`")
    if not is_rule_id(path.stem):
        raise RuleError(f"{path}: a rule id is lower case with underscores", hint="rename the file")
    return block


def _require_shipped(rule: Rule) -> None:
    # The rules that leave such events out are shipped too, and know nothing of what else is being run.
    if rule.reports_alone is not None and not rule.is_shipped:
        raise RuleError(
            f"{rule.path}: `reports_alone` is for shipped rules", hint="remove it: the rule reports as well"
        )
