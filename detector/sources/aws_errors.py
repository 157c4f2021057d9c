"""AWS's refusals, in words for the user: of a request, or of the credentials as a whole."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from detector.errors import CredentialsError, SourceError, UsageError
from detector.sources.account_operations import OPERATIONS
from detector.sources.botocore_tuning import odd_answer
from detector.sources.log_source import archived_text
from detector.text import one_line

if TYPE_CHECKING:
    from detector.sources.aws_options import AwsOptions

_CREDENTIAL_CODES: Final = {
    "AuthFailure": "AWS does not accept the credentials",
    "ExpiredToken": "the AWS credentials have expired",
    "ExpiredTokenException": "the AWS credentials have expired",
    "InvalidAccessKeyId": "AWS does not know this access key",
    "InvalidClientTokenId": "AWS does not know this access key",
    "InvalidToken": "AWS does not accept the session token",
    "RequestExpired": "the AWS credentials have expired",
    "SignatureDoesNotMatch": "AWS does not accept the signature: the secret access key is wrong",
    "TokenRefreshRequired": "the AWS session token must be renewed",
    "UnrecognizedClientException": "AWS does not accept the session token",
}
_CREDENTIAL_EXCEPTIONS: Final = (
    "CredentialRetrievalError",
    "InvalidConfigError",
    "LoginError",
    "MetadataRetrievalError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "RefreshWithMFAUnsupportedError",
    "SSOError",
    "TokenRetrievalError",
)
# What is asked about logs, alerts and accounts; everything else is asked on the way, to get credentials.
_OPERATIONS: Final = frozenset(
    {
        "ListObjectsV2",
        "GetObject",
        "HeadBucket",
        "HeadObject",
        "LookupEvents",
        "ListPublicKeys",
        "PutObject",
        "DeleteObjects",
        "BatchImportFindings",
        "PublishBatch",
        "SendMessageBatch",
        "PutEvents",
        "GetQueueAttributes",
        "ReceiveMessage",
        "ChangeMessageVisibilityBatch",
        "DeleteMessageBatch",
        *(operation.partition(":")[2] for operation in OPERATIONS),
    }
)
_THROTTLING_CODES: Final = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_KMS_KEY: Final = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)/[A-Za-z0-9/_-]+")


def refusal(error: Exception, options: AwsOptions) -> SourceError | UsageError | None:
    """Return what to raise when `error` means that AWS refuses the credentials as a whole, else None."""
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        if error.operation_name == "AssumeRole" and error_code(error) not in _CREDENTIAL_CODES:
            role = options.role_arn or "the role of the profile"
            return CredentialsError(
                f"cannot assume {role}: {one_line(error)}",
                hint="check the role's name, and that its trust policy names who you are (aws sts get-caller-identity)",
            )
        if error_code(error) == "RequestTimeTooSkewed":
            return CredentialsError(
                "AWS refuses every request: this machine's clock is more than 15 minutes off",
                hint="set the clock (NTP) and run the command again",
            )
        if message := _CREDENTIAL_CODES.get(error_code(error)):
            return CredentialsError(f"{message} ({error_code(error)})", hint=_remedy(options))
        if error.operation_name not in _OPERATIONS:
            return CredentialsError(f"cannot get AWS credentials: {one_line(error)}", hint=_remedy(options))
        return None
    if isinstance(error, exceptions.ProfileNotFound):
        return UsageError(one_line(error), hint="`aws configure list-profiles` shows the profiles")
    if isinstance(error, tuple(getattr(exceptions, name) for name in _CREDENTIAL_EXCEPTIONS)):
        hint = _remedy(options)
        if isinstance(error, exceptions.NoCredentialsError):
            hint = "set AWS_PROFILE or give --profile; `aws sts get-caller-identity` shows who you are"
        return CredentialsError(f"no AWS credentials: {one_line(error)}", hint=hint)
    return None


def _remedy(options: AwsOptions) -> str:
    profile = options.profile or os.environ.get("AWS_PROFILE")
    login = f"aws sso login --profile {profile}" if profile else "aws sso login"
    return f"renew the credentials (with SSO: `{login}`) and run the command again"


def is_unreachable(error: Exception) -> bool:
    """Tell whether no answer came at all."""
    from botocore import exceptions

    return isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError)


def is_servers_fault(error: Exception) -> bool:
    """Tell whether the answer says that the server, or what stands before it, cannot answer well now.

    Throttling, statuses from 500 on ("Error responses", Amazon S3 API Reference), and what is no answer of AWS's.
    """
    from botocore import exceptions

    if not isinstance(error, exceptions.ClientError):
        return isinstance(error, odd_answer())
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS or error_code(error) in _THROTTLING_CODES


def denial_reason(error: Exception, action: str) -> str:
    """Return in one line why AWS did not do `action` (`s3:GetObject`) on one object or prefix."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return one_line(error)
    code, message = error_code(error), one_line(error.response.get("Error", {}).get("Message", ""))
    if code.startswith("KMS.") or "kms:" in message or "ciphertext refers to a customer master key" in message:
        key = _KMS_KEY.search(message)
        return f"encrypted with KMS, and kms:Decrypt is refused for {key[0] if key else 'its key'} ({code})"
    known = {
        "AccessDenied": f"access denied: {action} is not allowed",
        "NoSuchKey": "listed, but gone since",
        "InvalidObjectState": archived_text(one_line(error.response["Error"].get("StorageClass", "Glacier"))[:40]),
    }
    return known.get(code) or f"{code}: {message}"


def error_code(error: Exception) -> str:
    """Return AWS's code of a ClientError, or an empty text."""
    response: dict[str, Any] = getattr(error, "response", None) or {}  # None: of those that got no answer
    return str(response.get("Error", {}).get("Code", ""))
