"""boto3: GET the objects of a bucket in 16 threads, and do nothing with them. Arguments: URL BUCKET FILE_OF_KEYS."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

_THREADS = 16


def main() -> None:
    """Print how many objects were read."""
    url, bucket, keys = sys.argv[1:]
    client = boto3.client(
        "s3", endpoint_url=url, config=Config(max_pool_connections=_THREADS, s3={"addressing_style": "path"})
    )

    def get(key: str) -> bool:
        return bool(client.get_object(Bucket=bucket, Key=key)["Body"].read())

    with ThreadPoolExecutor(_THREADS) as pool:
        got = sum(pool.map(get, Path(keys).read_text().splitlines()))
    sys.stdout.write(f"{got}\n")


if __name__ == "__main__":
    main()
