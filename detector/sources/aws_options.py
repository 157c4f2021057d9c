"""The way to reach AWS, as options say it. Apart from what makes sessions of it, which takes long to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AwsOptions:
    """The way to reach AWS. None: as the environment and the profile say."""

    profile: str | None = None
    role_arn: str | None = None
    region: str | None = None
    endpoint_url: str | None = None  # of S3
    # Whoever reads, on other machines, does it with a role of its own, and is sent no key.
    readers_sign_in: bool = False
