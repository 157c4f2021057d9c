"""A catalogue of Iceberg's REST protocol on loopback: what `rest:` speaks to. It keeps tables in a file of SQLite.

Source: "REST Catalog Open API specification", Apache Iceberg: config, load, create (staged) and commit of a table.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.io import load_file_io
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableRequest, StagedTable, Table
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.sorting import SortOrder

TOKEN = "the-token-of-the-tests"


class RestServer:
    """The tables of one namespace; `lent` is what the catalogue says about the way to files."""

    def __init__(self, catalog: SqlCatalog) -> None:
        self.catalog = catalog
        self.lent: dict[str, str] = {}
        self.url = ""
        self._lock = threading.Lock()

    def answer(self, path: list[str], body: bytes) -> tuple[int, str]:
        with self._lock:
            try:
                return 200, self._answer(path, body)
            except NoSuchTableError as error:
                return 404, _error(404, "NoSuchTableException", error)
            except (CommitFailedException, TableAlreadyExistsError) as error:
                return 409, _error(409, type(error).__name__.replace("Error", "Exception"), error)

    def _answer(self, path: list[str], body: bytes) -> str:
        match path:
            case ["v1", "config"]:
                return json.dumps({"defaults": {}, "overrides": {}})
            case ["v1", "namespaces", namespace, "tables"]:
                return self._staged(namespace, json.loads(body))
            case ["v1", "namespaces", namespace, "tables", name] if body:
                return self._commit((namespace, name), CommitTableRequest.model_validate_json(body))
            case ["v1", "namespaces", namespace, "tables", name]:
                return self._loaded(self.catalog.load_table((namespace, name)))
        raise NoSuchTableError("/".join(path))

    def _staged(self, namespace: str, request: Mapping[str, Any]) -> str:
        assert request["stage-create"]
        metadata = new_table_metadata(
            schema=Schema.model_validate(request["schema"]),
            partition_spec=PartitionSpec.model_validate(request["partition-spec"]),
            sort_order=SortOrder.model_validate(request["write-order"]),
            location=request["location"],
            properties=request["properties"],
        )
        location = f"{request['location']}/metadata/staged.json"
        io = load_file_io(self.catalog.properties)
        return self._loaded(StagedTable((namespace, request["name"]), metadata, location, io, self.catalog))

    def _commit(self, name: tuple[str, str], request: CommitTableRequest) -> str:
        try:
            table = self.catalog.load_table(name)
        except NoSuchTableError:
            table = Table(name, None, "", load_file_io(self.catalog.properties), self.catalog)  # type: ignore[arg-type]
        done = self.catalog.commit_table(table, request.requirements, request.updates)
        return done.model_dump_json(by_alias=True)

    def _loaded(self, table: Table) -> str:
        metadata = table.metadata.model_dump_json(by_alias=True)
        location, lent = json.dumps(table.metadata_location), json.dumps(self.lent)
        return f'{{"metadata-location": {location}, "metadata": {metadata}, "config": {lent}}}'


def _error(code: int, kind: str, error: Exception) -> str:
    return json.dumps({"error": {"message": str(error), "type": kind, "code": code}})


@contextmanager
def serve_catalog(catalog: SqlCatalog) -> Iterator[RestServer]:
    state = RestServer(catalog)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            path = self.path.partition("?")[0].strip("/").split("/")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                code, text = 401, _error(401, "NotAuthorizedException", PermissionError("no such token"))
            else:
                code, text = state.answer(path, self.rfile.read(length))
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
