"""An S3 server on loopback that is not the bottleneck: nginx serves the objects, a small server their listing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import escape

from benchmarks.measure import BenchmarkError

BUCKET: Final = "trail-bucket"
_NGINX: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_CONFIGURATION: Final = """
{user}
daemon off;
worker_processes 1;
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type application/gzip;
    keepalive_requests 1000000;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location /{bucket}/ {{ alias {folder}/; }}
        location = /{bucket} {{ proxy_pass http://127.0.0.1:{listing_port}; }}
        location = /{bucket}/ {{ proxy_pass http://127.0.0.1:{listing_port}; }}
    }}
}}
"""


def has_nginx() -> bool:
    """Say whether there is a server to start."""
    return _NGINX is not None


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the files below `folder` as the objects of BUCKET; hand out the endpoint's URL."""
    keys = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    entries = [_entry(folder, key) for key in keys]

    class Listing(_Listing):
        all_keys, all_entries = keys, entries

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listing)
    Thread(target=server.serve_forever, daemon=True).start()
    with TemporaryDirectory(prefix="detector-nginx-") as work:
        port = _free_port()
        configuration = Path(work) / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                user="user root;" if os.geteuid() == 0 else "",  # otherwise the worker could not read the folder
                work=work,
                port=port,
                bucket=BUCKET,
                folder=folder.resolve(),
                listing_port=server.server_port,
            )
        )
        process = subprocess.Popen([_NGINX or "nginx", "-c", str(configuration), "-p", work])  # noqa: S603
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
            server.shutdown()
            server.server_close()


class _Listing(BaseHTTPRequestHandler):
    """ListObjectsV2 and HeadBucket."""

    all_keys: list[str]
    all_entries: list[str]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one page."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self._answer(self._page(query).encode())

    def do_HEAD(self) -> None:
        """Say where the bucket is."""
        self._answer(b"")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("x-amz-bucket-region", "us-east-1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _page(self, query: dict[str, str]) -> str:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        most = int(query.get("max-keys", "1000"))
        after = query.get("continuation-token") or query.get("start-after", "")
        found: list[str] = []
        last = ""
        place = bisect_right(self.all_keys, max(after, prefix[:-1] if prefix else ""))
        while place < len(self.all_keys) and len(found) < most:
            key = self.all_keys[place]
            if key < prefix:
                place += 1
                continue
            if not key.startswith(prefix):
                place = len(self.all_keys)
                break
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end < 0:
                found.append(self.all_entries[place])
                last, place = key, place + 1
            else:
                folder = key[: end + 1]
                found.append(f"<CommonPrefixes><Prefix>{escape(quote(folder))}</Prefix></CommonPrefixes>")
                last = folder + "\U0010ffff"
                place = bisect_right(self.all_keys, last)
        more = place < len(self.all_keys) and self.all_keys[place].startswith(prefix)
        token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{escape(quote(prefix))}</Prefix><EncodingType>url</EncodingType>"
            f"<KeyCount>{len(found)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{''.join(found)}</ListBucketResult>"
        )


def _entry(folder: Path, key: str) -> str:
    status = (folder / key).stat()
    modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(status.st_mtime))
    # The ETag that nginx gives a file.
    etag = f"{int(status.st_mtime):x}-{status.st_size:x}"
    return (
        f"<Contents><Key>{escape(quote(key))}</Key><LastModified>{modified}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>{status.st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise BenchmarkError("nginx did not start")
