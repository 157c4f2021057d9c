"""Keys for what was found: from a file, or from AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from detector.sources.aws_options import AwsOptions
from detector.verify.keys import KeyRing, key_ring, load_keys
from detector.verify.survey import Span

LIVE = "live"


def key_source(keys: str, aws: AwsOptions) -> Callable[[Mapping[str, Span]], KeyRing]:
    """Return what gives the keys of regions for spans of time.

    Args:
        keys: `live`, or the path of a file or folder.
        aws: how to reach AWS; only for `live`.

    Raises:
        UsageError: the file cannot be read, or holds no keys.
    """
    if keys != LIVE:
        loaded = load_keys(Path(keys))
        return lambda _spans: loaded

    def ask(spans: Mapping[str, Span]) -> KeyRing:
        from detector.sources.public_keys import list_public_keys

        answered = list_public_keys(spans, aws)
        return key_ring(answered.answers, answered.refused)

    return ask
