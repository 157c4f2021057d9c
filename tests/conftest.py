"""What several test folders share: an environment without the machine's own AWS settings, and an S3 server."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lookup_server import LookupServer, serve_lookup_events

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A real S3 API over HTTP on loopback."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_variables(tmp_path: Path, s3_url: str) -> dict[str, str]:
    """The environment of a person whose S3 is the test server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "AKIATESTING",
        "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-tests",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_CONFIG_FILE": str(tmp_path / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws-credentials"),
    }


@pytest.fixture
def lookup_server() -> Iterator[LookupServer]:
    """The LookupEvents API over HTTP on loopback."""
    with serve_lookup_events() as server:
        yield server
