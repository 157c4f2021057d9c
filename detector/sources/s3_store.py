"""obstore's client of S3, set up so that boto3 alone decides what the environment means."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from detector.sources.aws_session import AccessKey

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential, S3Store

_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu")
_NORMALISED_AWAY: Final = frozenset({"", ".", ".."})


def open_store(
    bucket: str, region: str, endpoint_url: str, key: AccessKey, *, timeout_seconds: float
) -> S3Store | None:
    """Return obstore's client of one bucket, or None when it cannot work with these settings.

    Args:
        timeout_seconds: for one object, from the request to the last byte.
    """
    if key.session_token and not _is_aws(endpoint_url):
        # It follows redirects to any host. Of the credentials it then leaves out the signature, but not the token.
        return None
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    # The constructor also reads AWS_* variables. Everything that matters is set, so that boto3 alone decides
    # what they mean; the key by a provider, because a session token cannot be unset.
    config: S3Config = {
        "region": region,
        "aws_endpoint_url_s3": endpoint_url,
        "endpoint": endpoint_url,
        "virtual_hosted_style_request": False,
        "skip_signature": False,
    }
    client_options: ClientConfig = {
        "allow_http": endpoint_url.startswith("http://"),
        "connect_timeout": "4s",
        "read_timeout": "30s",
        "timeout": timedelta(seconds=timeout_seconds),
    }
    retry_config: RetryConfig = {
        "max_retries": 2,  # patience is boto3's part
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
        "retry_timeout": timedelta(seconds=20),
    }

    def credentials() -> S3Credential:
        return {
            "access_key_id": key.access_key_id,
            "secret_access_key": key.secret_access_key,
            "token": key.session_token,
            "expires_at": None,
        }

    try:
        return S3Store(
            bucket,
            config=config,
            client_options=client_options,
            retry_config=retry_config,
            credential_provider=credentials,
        )
    except (BaseError, ValueError):
        return None


def fits_obstore(key: str) -> bool:
    """Tell whether object_store asks for exactly this key: it has no empty, `.` or `..` segments."""
    return _NORMALISED_AWAY.isdisjoint(key.split("/"))


def _is_aws(endpoint_url: str) -> bool:
    url = urlsplit(endpoint_url)
    return url.scheme == "https" and (url.hostname or "").endswith(_AWS_HOSTS)
