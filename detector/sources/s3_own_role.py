"""Objects in S3 read by processes that sign in themselves: no key crosses to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import frozen_key, open_session
from detector.sources.log_source import LogObject, Unreadable
from detector.sources.s3_reader import S3Reader

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True, slots=True)
class OwnRoleReader:
    """Reads objects of one bucket with the key that the process has where it runs; picklable."""

    bucket: str
    region: str
    endpoint_url: str
    role_arn: str | None = None  # which that process assumes first

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        """Yield the bytes of each object, as `S3Reader` does.

        Raises:
            CredentialsError: there are no credentials, or AWS refuses them as a whole.
        """
        options = AwsOptions(role_arn=self.role_arn, region=self.region)
        key = frozen_key(_session(options), options)
        return S3Reader(self.bucket, self.region, self.endpoint_url, key).read(objects)


# It renews what it holds: a role is assumed once in a while, not for each batch.
@lru_cache(maxsize=4)
def _session(options: AwsOptions) -> boto3.Session:
    return open_session(options)
