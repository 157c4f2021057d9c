"""Sessions with AWS.

AWS's own variables, profiles and SSO work unchanged: an option is passed on only when it was given.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from detector.errors import CredentialsError, UsageError
from detector.sources.aws_errors import refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.botocore_models import tune_models
from detector.sources.botocore_tuning import tune_parsers
from detector.text import one_line

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from botocore.credentials import CredentialProvider, DeferredRefreshableCredentials
    from mypy_boto3_s3 import S3Client

ATTEMPTS: Final = 8  # standard mode backs off up to 20 s; an unreachable endpoint fails within about a minute
CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Credentials as of one moment; nothing of them is ever shown."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)


def open_session(options: AwsOptions, fixed: AccessKey | None = None) -> boto3.Session:
    """Return a session whose credentials renew themselves, also those of an assumed role.

    Args:
        options: of these, profile, role and region.
        fixed: use this key and ask nobody.

    Raises:
        UsageError: the profile does not exist, or the configuration cannot be read.
    """
    import boto3
    from botocore.credentials import CredentialResolver
    from botocore.exceptions import BotoCoreError

    try:
        session = _botocore_session(options)
        if fixed is not None:
            session.set_credentials(fixed.access_key_id, fixed.secret_access_key, fixed.session_token)
        elif options.role_arn:
            role = _AssumedRole(_botocore_session(options), options.role_arn)
            session.register_component("credential_provider", CredentialResolver([cast("CredentialProvider", role)]))
        return boto3.Session(botocore_session=session)
    except BotoCoreError as error:
        raise UsageError(one_line(error), hint="`aws configure list-profiles` shows the profiles") from error


def _botocore_session(options: AwsOptions) -> botocore.session.Session:
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session(profile=options.profile)
    # botocore knows only AWS_DEFAULT_REGION; AWS's other tools, and its Lambda, set this one.
    if region := options.region or os.environ.get("AWS_REGION"):
        session.set_config_variable("region", region)
    # Given to a client, these would win over AWS_MAX_ATTEMPTS, AWS_RETRY_MODE and the profile: take those first.
    retries: Any = {
        "mode": session.get_config_variable("retry_mode") or "standard",
        "total_max_attempts": session.get_config_variable("max_attempts") or ATTEMPTS,
    }
    session.set_default_client_config(
        Config(connect_timeout=4, read_timeout=30, retries=retries, max_pool_connections=CONNECTIONS)
    )
    tune_parsers(session)
    tune_models(session)
    return session


def ca_bundle(options: AwsOptions) -> str | None:
    """Return the file of authorities that AWS_CA_BUNDLE or the profile names.

    Raises:
        UsageError: the profile does not exist, or the configuration cannot be read.
    """
    from botocore.exceptions import BotoCoreError

    try:
        return _botocore_session(options).get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    except BotoCoreError as error:
        raise UsageError(one_line(error), hint="`aws configure list-profiles` shows the profiles") from error


class _AssumedRole:
    """botocore's credential provider for `--role-arn`: assumes the role when first needed and before it expires."""

    METHOD = "assume-role"
    CANONICAL_NAME = None

    def __init__(self, source: botocore.session.Session, role_arn: str) -> None:
        self._source = source
        self._role_arn = role_arn

    def load(self) -> DeferredRefreshableCredentials:
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
        from botocore.exceptions import NoCredentialsError

        credentials = self._source.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        region = self._source.get_config_variable("region") or "us-east-1"
        fetcher = AssumeRoleCredentialFetcher(
            partial(self._source.create_client, region_name=region),
            credentials,
            self._role_arn,
            extra_args={"RoleSessionName": "detector"},
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)


def s3_client(session: boto3.Session, options: AwsOptions) -> S3Client:
    """Return a client of S3 for the options' region and endpoint.

    Raises:
        UsageError: the region or the endpoint is no such thing.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return session.client("s3", region_name=options.region, endpoint_url=options.endpoint_url)
    except (BotoCoreError, ClientError) as error:
        raise refusal(error, options) or UsageError(one_line(error), hint="check AWS_REGION and --profile") from error
    except ValueError as error:
        raise UsageError(one_line(error), hint="check --endpoint-url") from error


def frozen_key(session: boto3.Session, options: AwsOptions) -> AccessKey:
    """Return the session's credentials as they are now, renewed if they are about to expire.

    Raises:
        CredentialsError: there are none, or they cannot be renewed.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        key = credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        raise refusal(error, options) or CredentialsError(one_line(error)) from error
    return AccessKey(key.access_key or "", key.secret_key or "", key.token)


def caller_identity(session: boto3.Session, options: AwsOptions) -> tuple[str, str]:
    """Ask STS whose credentials these are; return the account and the partition (`aws`, `aws-cn`, `aws-us-gov`).

    Raises:
        CredentialsError: nobody's, or STS does not answer.
    """
    account, arn = caller(session, options)
    return account, arn.split(":")[1]


def caller(session: boto3.Session, options: AwsOptions) -> tuple[str, str]:
    """Ask STS whose credentials these are; return the account and the ARN.

    Raises:
        CredentialsError: nobody's, or STS does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        identity = session.client("sts", region_name=session.region_name or "us-east-1").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise refusal(error, options) or CredentialsError(
            f"cannot ask STS who you are: {one_line(error)}", hint="check the network and the proxy"
        ) from error
    return identity["Account"], identity["Arn"]


def caller_arn(options: AwsOptions) -> str | None:
    """Ask STS, once, as whom AWS knows these credentials; None when it does not say."""
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    session = open_session(options)
    try:
        config = Config(connect_timeout=4, read_timeout=8, retries={"total_max_attempts": 1})
        client = session.client("sts", region_name=session.region_name or "us-east-1", config=config)
        return str(client.get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return None
