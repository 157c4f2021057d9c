"""From what the user wrote after the command to the source it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from detector.errors import UsageError
from detector.sources.aws_options import AwsOptions
from detector.sources.inventory import SCHEME, open_inventory
from detector.sources.local import open_local, path_of_uri
from detector.sources.lookup_events import LookupEventsSource
from detector.sources.s3 import open_s3
from detector.sources.stream import StreamSource

if TYPE_CHECKING:
    from detector.sources.log_source import LogSource

_FORMS = (
    "write s3://BUCKET/PREFIX, inventory:s3://BUCKET/PREFIX, a file, a directory, lookup-events:, "
    "or - for standard input"
)
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?")


def open_source(
    spec: str, aws: AwsOptions | None = None, *, root_only: bool = False, lake: Path | None = None
) -> LogSource:
    """Return the source of log objects that `spec` names; nothing is sent to AWS yet.

    Args:
        spec: `s3://bucket[/prefix]`, `inventory:s3://bucket/…`, a path, a `file:///` URI, `lookup-events:`, or `-`.
        aws: how to reach AWS; only for `s3://`, `inventory:` and `lookup-events:`.
        root_only: ask only for events of root; only for `lookup-events:`.
        lake: the one that is written to, or asked; only a directory may hold it.

    Raises:
        UsageError: `spec` is none of these.
        SourceError: the path does not exist.
    """
    if not spec.strip():
        raise UsageError("the source is empty", hint=_FORMS)
    if spec.startswith("lookup-events:"):
        if spec.removeprefix("lookup-events:").strip("/"):
            raise UsageError(f"{spec!r} is not a source", hint="write lookup-events: alone, and --region, --profile")
        return LookupEventsSource(aws or AwsOptions(), root_only=root_only)
    if root_only:
        raise UsageError(f"--root-only does not go with {spec!r}", hint="only lookup-events: can ask for root alone")
    if spec == "-":
        return StreamSource()
    if spec.startswith("s3://"):
        return open_s3(spec, aws or AwsOptions())
    if spec.startswith(SCHEME):
        return open_inventory(spec, aws or AwsOptions())
    if spec.startswith("file:///"):
        return open_local(path_of_uri(spec), lake)
    if looks_like := _meant(spec):
        raise UsageError(f"{spec!r} is not a source", hint=f"did you mean {looks_like} ?")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", spec):
        raise UsageError(f"{spec!r} is not a source", hint=_FORMS)
    return open_local(Path(spec), lake)


def _meant(spec: str) -> str | None:
    """Return the `s3://` form of a bucket written in another way, or None."""
    if arn := re.fullmatch(r"arn:aws[a-z-]*:s3:::(.+)", spec):
        return f"s3://{arn[1].removesuffix('*')}"
    if near := re.fullmatch(r"(?i:s3[an]?):/*(.*)", spec):
        return f"s3://{near[1] or 'BUCKET/PREFIX'}"
    url = urlsplit(spec) if re.match(r"(?i)https?://", spec) else None
    host = (url.hostname or "") if url else ""
    if url is None or not host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".aws.amazon.com")):
        return None
    path = unquote(url.path).lstrip("/")
    if host.endswith(".aws.amazon.com"):
        prefix = parse_qs(url.query).get("prefix", [""])[0]
        bucket = path.removeprefix("s3/buckets/").removeprefix("s3/object/")
        return f"s3://{bucket}/{prefix}" if path.startswith("s3/") else None
    found = _S3_HOST.fullmatch(host)
    if found is None:
        return None
    return f"s3://{found['bucket']}/{path}" if found["bucket"] else f"s3://{path}"
