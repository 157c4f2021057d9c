"""`detector scan`: alerts from raw logs, without a lake."""

from __future__ import annotations

import typer

from detector.cli import options
from detector.cli.exit_codes import exit_code
from detector.cli.summary import reported, say_alerts, say_delivery
from detector.cli.terminal import progress_bar
from detector.severity import Severity
from detector.times import now


def scan_command(
    sources: options.Sources,
    since: options.Since = None,
    until: options.Until = None,
    account: options.Accounts = None,
    region: options.Regions = None,
    look_ahead_days: options.LookAhead = 1,
    profile: options.Profile = None,
    role_arn: options.RoleArn = None,
    endpoint_url: options.EndpointUrl = None,
    root_only: options.RootOnly = False,
    jobs: options.Jobs = options.CORES,
    rules: options.Rules = None,
    suppressions: options.Suppressions = None,
    min_severity: options.MinSeverity = Severity.INFO,
    format_: options.Format = None,
    output: options.Output = None,
    fail_on: options.FailOn = None,
    report_file: options.Report = None,
    rule_seconds: options.RuleSeconds = 60,
    rule_findings: options.RuleFindings = 100_000,
    delivery_seconds: options.DeliverySeconds = 60,
) -> None:
    """Run the rules straight over raw logs: no lake is needed, and none is left behind.

    The alerts are those of ingest and detect. Rules see what was read, and no history beside it.

    Exit codes: 0 done and everything was read, 1 an alert reached --fail-on, 2 bad usage, bad rule or an error,
    3 no log objects found, 4 some could not be read, or an output did not take all alerts.

    Example: detector scan s3://my-trail-bucket --since 7d | jq -r .summary
    """
    from detector.workers import prestart_workers

    prestart_workers(jobs, "detector.scan.worker")
    from detector.alerts.delivery import RetryPolicy
    from detector.alerts.sinks.opening import open_outputs
    from detector.scan.scan import scan
    from detector.sources.opening import open_source

    scope = options.scope(account, region, since, until, look_ahead_days)
    aws = options.aws_options(profile, role_arn, endpoint_url)
    entries = options.suppressions(suppressions)
    with open_outputs(output, format_) as outputs, reported(sources, report_file, into_lake=False) as report:
        with progress_bar() as progress:
            opened = [open_source(source, aws, root_only=root_only) for source in sources]
            events = scan(opened, scope, report, jobs=jobs, progress=progress)
        # Not before: importing DuckDB would keep the workers waiting.
        from detector.detect.detect import detect
        from detector.detect.emission import write_alerts
        from detector.detect.selection import Selection

        detection = detect(
            events,
            rules or [],
            now(),
            entries,
            rule_seconds=rule_seconds,
            rule_findings=rule_findings,
            sees_all_events=False,
        )
        written = list(filter(Selection(min_severity=min_severity).takes, detection.alerts))
        delivery = write_alerts(written, outputs, RetryPolicy(delivery_seconds))
        report.add_alerts(alert.severity for alert in written)
        report.add_delivery(delivery)
        report.warnings += detection.warnings
    say_alerts(detection, written)
    say_delivery(delivery, remembered=False)
    raise typer.Exit(exit_code(report, detection.errors, written, fail_on, delivery))
