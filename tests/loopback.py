"""HTTP servers on loopback, for as long as a block runs."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LoopbackServer(ThreadingHTTPServer):
    daemon_threads = True  # a client that is killed may leave a connection open


@contextmanager
def serve(
    handler: type[BaseHTTPRequestHandler],
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    kind: type[LoopbackServer] = LoopbackServer,
    **members: object,
) -> Iterator[int]:
    """Serve requests, each connection in a thread of its own that is kept open, as AWS does; hands out the port.

    Args:
        handler: answers them.
        port: 0 takes a free one.
        tls: of the server's side; None: plain HTTP.
        kind: what becomes of errors.
        members: what the handler has as members of its class, such as the state that it speaks for.
    """
    manners: dict[str, object] = {"protocol_version": "HTTP/1.1", "log_message": lambda *_arguments: None}
    server = kind(("127.0.0.1", port), type("BoundHandler", (handler,), manners | members))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
