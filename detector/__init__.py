"""What was done with the AWS root user, and what happened to MFA and the trail around it.

What is exported here is the public interface, described in docs/reference/api.md; everything else may change. Names are
imported when they are first used: the command line must not wait for DuckDB to show its help.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.alerts.alert import Alert as Alert
    from detector.api import Alerts as Alerts
    from detector.api import Lake as Lake
    from detector.api import ScannedAlerts as ScannedAlerts
    from detector.api import load_rules as load_rules
    from detector.api import scan_sources as scan_sources
    from detector.detect.basis import Basis as Basis
    from detector.errors import DetectorError as DetectorError
    from detector.rules.rule import Rule as Rule
    from detector.run_report import RunReport as RunReport
    from detector.scope import Scope as Scope
    from detector.severity import Severity as Severity
    from detector.sources.aws_options import AwsOptions as AwsOptions

__version__ = "0.1.0"
_HOMES = {
    "Alert": "detector.alerts.alert",
    "Alerts": "detector.api",
    "AwsOptions": "detector.sources.aws_options",
    "Basis": "detector.detect.basis",
    "DetectorError": "detector.errors",
    "Lake": "detector.api",
    "Rule": "detector.rules.rule",
    "RunReport": "detector.run_report",
    "ScannedAlerts": "detector.api",
    "Scope": "detector.scope",
    "Severity": "detector.severity",
    "load_rules": "detector.api",
    "scan_sources": "detector.api",
}
__all__ = [
    "Alert",
    "Alerts",
    "AwsOptions",
    "Basis",
    "DetectorError",
    "Lake",
    "Rule",
    "RunReport",
    "ScannedAlerts",
    "Scope",
    "Severity",
    "__version__",
    "load_rules",
    "scan_sources",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
