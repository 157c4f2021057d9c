"""Log files in an S3 bucket: `s3://bucket[/prefix]`.

boto3 lists and holds the session; the bytes are fetched in the workers (`s3_reader`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from detector.errors import UsageError
from detector.scope import Scope
from detector.sources.aws_errors import denial_reason, error_code, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import CONNECTIONS, caller, frozen_key, open_session, s3_client
from detector.sources.log_source import Listed, LogObject, Unreadable, lies_below
from detector.sources.s3_own_role import OwnRoleReader
from detector.sources.s3_reader import S3Reader

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

    from detector.sources.survey import Survey

# Buckets made before 2018 may hold capitals, underscores and up to 255 characters.
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


def open_s3(spec: str, options: AwsOptions) -> S3Source:
    """Return the source that `s3://bucket[/prefix]` names; nothing is sent to AWS yet.

    Raises:
        UsageError: there is no bucket in it, or its name cannot be one.
    """
    bucket, _, prefix = spec.removeprefix("s3://").partition("/")
    if bucket == "arn:aws:s3" or bucket.startswith("arn:"):
        raise UsageError(f"{spec!r} names an access point by ARN", hint="use its alias: s3://ALIAS-s3alias/PREFIX")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"{bucket!r} cannot be the name of a bucket" if bucket else f"{spec!r} names no bucket",
            hint="write s3://BUCKET/PREFIX; names are 3 to 63 of a-z, 0-9, dots and hyphens",
        )
    return S3Source(bucket, prefix, options)


class S3Source:
    """The log files below a prefix of one bucket."""

    def __init__(self, bucket: str, prefix: str, options: AwsOptions) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._options = options
        self._region: str | None = None  # the bucket's, once AWS has said it
        self._is_asked = False  # other servers may have no answer

    @property
    def root(self) -> str:
        """What the URIs of all objects in it begin with."""
        return f"s3://{self._bucket}/{self._prefix}"

    def list(self, scope: Scope) -> Iterator[Listed]:
        """Yield what lies below the prefix and within `scope`, in any order, as the pages arrive.

        Raises:
            SourceError: the bucket or the prefix cannot be listed at all.
            UsageError: the profile, region or endpoint is no such thing.
        """
        from detector.sources.s3_listing import S3Listing

        listing = S3Listing(self._client, self._bucket, self._prefix, scope, self._options)
        for found in listing.run():
            self._region = self._region or listing.region
            yield found

    def covers(self, uri: str, scope: Scope) -> bool:  # noqa: ARG002 - folders are named whatever it reaches
        """Tell whether something lies in the folder that is listed."""
        return lies_below(uri, self.root)

    def look_at(self, keys: Sequence[str]) -> Sequence[LogObject | Unreadable]:
        """Return the objects of these keys as they are now, in the order of the keys, by one HEAD each.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="s3-head") as pool:
            return tuple(pool.map(self._head, [self._client] * len(keys), keys))

    def _head(self, client: S3Client, key: str) -> LogObject | Unreadable:
        from botocore.exceptions import BotoCoreError, ClientError

        uri = f"s3://{self._bucket}/{key}"
        try:
            found = client.head_object(Bucket=self._bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            if refused := refusal(error, self._options):
                raise refused from error
            # The answer to a HEAD has no body that could say more.
            reason = {"404": "not there, or not yet", "403": "access denied: s3:GetObject is not allowed"}
            return Unreadable(uri, reason.get(error_code(error)) or denial_reason(error, "s3:GetObject"))
        return LogObject(uri, found["ContentLength"], found["ETag"].strip('"'), found["LastModified"].astimezone(UTC))

    def reader(self) -> S3Reader | OwnRoleReader:
        """Return a reader with the key as it is now; SSO, MFA prompts and role renewals happen here, in the parent.

        Where readers sign in themselves, neither the key nor the profile leaves this machine.

        Raises:
            CredentialsError: there are no credentials, or they cannot be renewed.
        """
        if not self._options.readers_sign_in:
            return self.digest_reader()
        region, endpoint_url = self._place(self._client)
        return OwnRoleReader(self._bucket, region, endpoint_url, self._options.role_arn)

    def delivered(self, log_object: LogObject) -> datetime | None:
        """Return when S3 took an object, as it was listed."""
        return log_object.last_modified

    def digest_reader(self) -> S3Reader:
        """Return a reader with the key as it is now, which brings the metadata with each object if it is asked to.

        Raises:
            CredentialsError: there are no credentials, or they cannot be renewed.
        """
        key = frozen_key(self._session, self._options)
        return S3Reader(self._bucket, *self._place(self._client), key, self._options.profile)

    def caller(self) -> tuple[str, str]:
        """Return the account and the ARN that reads.

        Raises:
            CredentialsError: there are no credentials, or STS does not answer.
        """
        return caller(self._session, self._options)

    def sample(self, scope: Scope, survey: Survey) -> None:
        """Add to a survey what a look at some of the bucket finds.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        from detector.sources.s3_sampling import S3Sampling

        S3Sampling(self._client, self._bucket, self._prefix, scope, self._options).run(survey)

    def encryption(self, uri: str) -> str | None:
        """Return how one object is encrypted: `aws:kms` with its key, `AES256`; None when a HEAD does not say it."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._client.head_object(Bucket=self._bucket, Key=uri[len(f"s3://{self._bucket}/") :])
        except (BotoCoreError, ClientError):
            return None
        return " ".join(filter(None, (found.get("ServerSideEncryption"), found.get("SSEKMSKeyId")))) or None

    def _place(self, client: S3Client) -> tuple[str, str]:
        """Return the region of the bucket, and the endpoint there."""
        if self._region is None and not self._is_asked:
            self._ask_region()
        region = self._region or client.meta.region_name
        if region != client.meta.region_name:
            client = s3_client(self._session, replace(self._options, region=region))
        return region, client.meta.endpoint_url

    def _ask_region(self) -> None:
        """Ask where the bucket is; S3 says so even when it refuses everything else."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            headers = self._client.head_bucket(Bucket=self._bucket)["ResponseMetadata"]["HTTPHeaders"]
        except ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        except BotoCoreError:
            return
        self._region = headers.get("x-amz-bucket-region")
        self._is_asked = True

    @cached_property
    def _session(self) -> boto3.Session:
        return open_session(self._options)

    @cached_property
    def _client(self) -> S3Client:
        return s3_client(self._session, self._options)
