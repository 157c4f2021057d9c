"""What has to be reached. The only place with a number that a benchmark is judged by."""

# ruff: noqa: RUF001, RUF003 - these signs are meant
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

LOOSE: Final = 200  # so many times easier when start-up outweighs the work: does it run at all?


class Verdict(Enum):
    """What became of a bar."""

    MET = "met"
    MISSED = "missed"
    UNMEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure of one job, and what it must reach."""

    job: str
    figure: str  # a key of JobResult.figures
    text: str
    unit: str = "×"
    at_least: float | None = None
    at_most: float | None = None
    goal: float | None = None

    def judge(self, figures: Mapping[str, float], *, loose: bool) -> Verdict:
        """Compare what was measured, if it was, with the bar."""
        value = figures.get(self.figure)
        if value is None:
            return Verdict.UNMEASURED
        ease = LOOSE if loose else 1
        met = (self.at_least is None or value >= self.at_least / ease) and (
            self.at_most is None or value <= self.at_most * ease
        )
        return Verdict.MET if met else Verdict.MISSED

    @property
    def wanted(self) -> str:
        """The bar as a person writes it."""
        sign, limit = ("≥", self.at_least) if self.at_least is not None else ("≤", self.at_most)
        goal = "" if self.goal is None else f" (goal {self.goal:g})"
        return f"{sign} {limit:g} {self.unit}{goal}"


BARS: Final = (
    Bar("ingest", "× duckdb", "ingest, against DuckDB read_json → Parquet", at_least=7, goal=10),
    Bar("ingest", "× chdb", "ingest, against chDB JSONExtract → Parquet", at_least=2.5, goal=4),
    Bar("ingest", "× tuned", "ingest, against chDB JSONEachRow, tuned → Parquet", at_least=1.2, goal=2),
    Bar("ingest", "lake ÷ gz", "size of the lake, against the gzip input", at_most=1),
    Bar("copies", "twice ÷ once", "CPU of ingest a record, every event twice against once", at_most=1.3),
    Bar("copies", "twice ÷ once, larger", "the same, ten times as many events a day", at_most=1.3),
    Bar("scan", "× chdb", "scan, against chDB's ad-hoc root filter, by MB/s", at_least=1.4, goal=2),
    Bar("scan", "× tuned", "scan, against the same, tuned", at_least=0.9, goal=1.3),
    Bar("scan", "× jq", "scan, against zcat | jq in two processes, by MB/s", at_least=8),
    # Which runs no rules, and starts in a quarter of a second.
    Bar("scan many", "× chdb", "scan of many candidates, against chDB's root filter", at_least=0.8, goal=1.2),
    Bar("scan many", "× chdb, CPU", "the same, by CPU seconds", at_least=0.8, goal=1.2),
    Bar("s3", "× boto3", "ingest of small objects from S3, against boto3 GETs alone in 16 threads", at_least=5, goal=8),
    Bar("detect", "seconds", "detect, all rules, ten times the events", unit="s", at_most=1.5),
    # "≤ 2 × that": twice what is allowed for ten times the events. How it grew is in the growth table.
    Bar("detect", "seconds, larger", "detect, all rules, 25 times the events", unit="s", at_most=3.0),
    # One scan, then rules that add little: all of them, against the scan and the costliest one alone.
    Bar("detect", "all ÷ costliest", "all rules with the scan, against the costliest rule with the scan", at_most=1.5),
    Bar("candidates", "MB, ten million", "peak of detect, reckoned for 10⁷ candidates", unit="MB", at_most=4_000),
    Bar("candidates", "kB a candidate", "how its memory grows", unit="kB", at_most=0.4),
    Bar("candidates", "CPU growth", "CPU a candidate, five times as many against once", at_most=1.1),
    Bar("sql", "seconds", "sql, root events of one account, ten times the events", unit="s", at_most=1.5),
    Bar("rerun", "seconds more", "second run with nothing new, beyond the detect", unit="s", at_most=1.5),
    Bar("report", "seconds", "report on a flood, two and a half times the events", unit="s", at_most=10),
    Bar("report", "MB", "the page about it", unit="MB", at_most=5),
    Bar("memory", "growth", "peak memory of ingest, ten times the events against once", at_most=1.1),
    Bar("memory", "peak MB", "peak memory of ingest", unit="MB", at_most=700),
    Bar("memory", "large, MB over 1.5 × size", "one large object: peak beyond 1.5 × its size", unit="MB", at_most=200),
    Bar("verify", "CPU seconds", "verify, digests of a year and 17 regions", unit="s of CPU", at_most=15),
    Bar("verify", "growth", "peak memory of verify, 17 regions against one", at_most=1.1),
    Bar("verified ingest", "CPU, with ÷ without", "CPU of ingest --verify present, against without", at_most=1.05),
    Bar("help", "seconds", "detector --help", unit="s", at_most=0.15),
)
