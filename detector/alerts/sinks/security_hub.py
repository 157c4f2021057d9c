"""AWS Security Hub.

Source: "BatchImportFindings", AWS Security Hub API Reference.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from detector.alerts.sinks.aws import OPTIONS, AwsClients, receipt, within
from detector.alerts.sinks.sink import ACCEPTED, Limits, Receipt
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document
from detector.sources.aws_session import open_session
from detector.text import one_line

_HINT = "turn on Security Hub in this account and region, and allow securityhub:BatchImportFindings"
_INVALID = ("InvalidInputException", "ValidationException")


class SecurityHub:
    """Alerts as findings of the account that calls."""

    limits = Limits(documents=100, size_bytes=3_000_000)

    def __init__(self, output: str) -> None:
        """Take `securityhub:` or `securityhub:REGION`; nothing is sent yet.

        Raises:
            UsageError: there is no region, or AWS is not set up.
        """
        from botocore.exceptions import BotoCoreError

        session = open_session(replace(OPTIONS, region=output.removeprefix("securityhub:").strip("/") or None))
        self._region = session.region_name
        if self._region is None:
            raise UsageError(f"--output {output} names no region", hint="write securityhub:REGION")
        try:
            self._clients = AwsClients(session)
            self._client = self._clients.open("securityhub")
            self._sts = self._clients.open("sts")
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"--output {output}: {one_line(error)}", hint="write securityhub:REGION") from error
        self._caller: tuple[str, str] | None = None  # partition, account

    @property
    def name(self) -> str:
        """`securityhub:REGION`."""
        return f"securityhub:{self._region}"

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """Import the findings; those that failed are named in the answer, each with its reason."""
        with within(seconds, "securityhub:BatchImportFindings", _HINT, _INVALID):
            findings = [self._addressed(json.loads(document.line)) for document in documents]
            answer = self._client.batch_import_findings(Findings=findings)
        failed = {one["Id"]: receipt(one["ErrorCode"], one["ErrorMessage"]) for one in answer.get("FailedFindings", [])}
        return [failed.get(finding["Id"], ACCEPTED) for finding in findings]

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def _addressed(self, finding: dict[str, Any]) -> Any:  # noqa: ANN401 - boto3's type of a finding
        """Make the caller the owner: an account may import findings of its own only. `Resources` says who acted."""
        if self._caller is None:
            identity = self._sts.get_caller_identity()
            self._caller = identity["Arn"].split(":")[1], identity["Account"]
        partition, account = self._caller
        product = f"arn:{partition}:securityhub:{self._region}:{account}:product/{account}/default"
        return finding | {"AwsAccountId": account, "ProductArn": product}
