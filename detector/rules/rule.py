"""Rules: one `.sql` file each, metadata in a leading comment block.

The block follows PEP 723's inline-metadata form with SQL's comment marker:

    -- /// rule
    -- title = "…"
    -- ///

The body between the markers is TOML. The rule's id is its file name.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import detector
from detector.errors import RuleError, RuleQueryError
from detector.severity import Severity

if TYPE_CHECKING:
    from detector.rules.sql_check import Statement

_BLOCK = re.compile(r"\A-- /// rule\n(?P<toml>(?:--(?: .*)?\n)+?)-- ///\n(?P<sql>.*)\Z", re.DOTALL)
_ID = re.compile(r"[a-z][a-z0-9_]*")
_TECHNIQUE = re.compile(r"TA\d{4}:T\d{4}(\.\d{3})?")
_T = TypeVar("_T")


class Confidence(StrEnum):
    """How likely a finding is what its title says, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Reads(StrEnum):
    """How much of the lake a rule goes through."""

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
    sql: str
    statement: Statement
    path: Path

    @property
    def examples_path(self) -> Path:
        """Where the rule's examples are, whether or not they exist."""
        return self.path.with_suffix(".examples.json")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What the rule directories hold: a broken file does not hide the others."""

    rules: tuple[Rule, ...]  # sorted by id
    errors: tuple[RuleError, ...]


def shipped_rules_directory() -> Path:
    """Return the directory of the rules that come with the program, and of `_views`."""
    package = Path(detector.__file__).parent
    installed = package / "_queries"  # put there by the wheel; a checkout has them beside the package
    return installed if installed.is_dir() else package.parent / "queries"


def load_rules(*directories: Path) -> RuleSet:
    """Read the rules of all directories, sorted by id.

    A later directory may not redefine an id: a silent override hides a rule. The second file is an error, the
    first one stays.
    """
    rules: dict[str, Rule] = {}
    errors: list[RuleError] = []
    for directory in directories:
        paths = sorted(directory.glob("[!_]*.sql"))  # what begins with _ is nobody's rule
        if not paths:
            errors.append(RuleError(f"{directory}: no rules", hint="a rule is a file <id>.sql"))
        for path in paths:
            try:
                rule = parse_rule(path)
            except RuleError as error:
                errors.append(error)
                continue
            first = rules.setdefault(rule.id, rule)
            if first is not rule:
                errors.append(RuleError(f"{path}: rule id already used by {first.path}", hint="rename one file"))
    return RuleSet(tuple(rules[rule_id] for rule_id in sorted(rules)), tuple(errors))


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
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: cannot be read: {error}") from error
    match = _BLOCK.match(text)
    if match is None:
        raise RuleError(f"{path}: no metadata", hint="start the file with `-- /// rule`")
    if not _ID.fullmatch(path.stem):
        raise RuleError(f"{path}: a rule id is lower case with underscores", hint="rename the file")
    toml = "\n".join(line[3:] for line in match["toml"].splitlines())
    try:
        meta = _Metadata(tomllib.loads(toml))
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
            statement=parse_select(match["sql"]),
            sql=without_semicolons(match["sql"]),
            path=path,
        )
        meta.require_empty()
    except NotOneSelect as error:
        raise RuleQueryError(f"{path}: {error}", hint="a rule is one SELECT over the views") from error
    except ValueError as error:  # bad TOML or metadata
        raise RuleError(f"{path}: {error}", hint="`detector rules show` prints a rule to copy from") from error
    for technique in rule.attack:
        if not _TECHNIQUE.fullmatch(technique):
            raise RuleError(f"{path}: bad ATT&CK id {technique!r}", hint="write TA0001:T1078.004")
    return rule


class _Metadata:
    """The metadata not yet used."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def pop(self, key: str, kind: type[_T], *, default: _T | None = None) -> _T:
        value = self._values.pop(key, default)
        if value is None:
            raise ValueError(f"missing key {key!r}")
        if not isinstance(value, kind):
            raise ValueError(f"{key!r} is not a {kind.__name__}")  # noqa: TRY004 - the file is wrong, not the call
        return value

    def text(self, key: str) -> str:
        value = self.pop(key, str).strip()
        if not value:
            raise ValueError(f"{key!r} is empty")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.pop(key, list)
        if not all(isinstance(value, str) for value in values):
            raise ValueError(f"{key!r} is not a list of strings")
        return tuple(values)

    def require_empty(self) -> None:
        if self._values:
            raise ValueError(f"unknown key {min(self._values)!r}")
