"""The pages of one listing, as long as they bring something new.

S3 names keys in the order of their UTF-8 bytes, each once ("ListObjectsV2", Amazon S3 API Reference). A server that
does not keep to it could go on for ever, or leave out what a start in the middle relies upon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_LONGEST_NAME: Final = 1_024


def only_news(
    pages: Iterable[ListObjectsV2OutputTypeDef], prefix: str, most_empty_pages: int
) -> Iterator[ListObjectsV2OutputTypeDef]:
    """Yield the pages of what lies below `prefix`, without what they have named already.

    Raises:
        PaginationError: they name what was not asked for, go back, bring nothing for long, or end before their end.
    """
    last = ""  # of all names so far
    empty_pages = 0
    for page in pages:
        keys = {item["Key"]: item for item in page.get("Contents", [])}
        folders = {entry["Prefix"]: entry for entry in page.get("CommonPrefixes", [])}
        folders.pop(prefix, None)
        names = keys.keys() | folders.keys()
        for name in names:
            if not name.startswith(prefix) or len(name) > _LONGEST_NAME:
                raise _odd(f"the server names {name[:80]!r}, which was not asked for")
        if names and (first := min(names)) < last:
            raise _odd(f"the server names {first!r} after {last!r}")
        if last:
            keys.pop(last, None)
            folders.pop(last, None)
        last = max(names, default=last)
        page["Contents"], page["CommonPrefixes"] = list(keys.values()), list(folders.values())
        empty_pages = 0 if keys or folders else empty_pages + 1
        if empty_pages > most_empty_pages:
            raise _odd(f"the server sends pages without anything new, {empty_pages:,} by now")
        yield page
        if page.get("IsTruncated") and not page.get("NextContinuationToken"):
            raise _odd("the server says that there is more, but not how to ask for it")


def _odd(message: str) -> Exception:
    from botocore.exceptions import PaginationError

    return PaginationError(message=message)
