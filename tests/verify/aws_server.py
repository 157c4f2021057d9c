"""A small AWS for one vector: S3 with metadata and times of delivery, and ListPublicKeys; with faults on demand."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.loopback import serve
from tests.verify.vectors import StoredObject, Vector


@dataclass
class AwsServer:
    """One bucket, and the keys of regions."""

    objects: dict[str, StoredObject] = field(default_factory=dict)  # by BUCKET/KEY
    keys: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by region
    denied: list[str] = field(default_factory=list)  # prefixes of BUCKET/KEY; also regions of ListPublicKeys
    gets: list[str] = field(default_factory=list)
    key_requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    key_error: str = ""  # of ListPublicKeys
    denied_code: str = "AccessDenied"  # of listings
    kms_key: str = ""  # encrypts every log file, and may not be used
    same_token: bool = False  # on every page
    url: str = ""

    @property
    def variables(self) -> dict[str, str]:
        services = dict.fromkeys(("S3", "CLOUDTRAIL", "STS"), self.url)
        return {f"AWS_ENDPOINT_URL_{name}": url for name, url in services.items()} | {"AWS_MAX_ATTEMPTS": "2"}

    def hold(self, vector: Vector) -> None:
        """Hold the objects and keys of a vector, and nothing else."""
        self.objects = {one.uri.removeprefix("s3://"): one for one in vector.objects}
        self.keys = {
            path.stem: json.loads(path.read_text())["PublicKeyList"] for path in (vector.folder / "keys").glob("*.json")
        }

    def is_denied(self, what: str) -> bool:
        return any(what.startswith(prefix) for prefix in self.denied)

    def listing(self, bucket: str, query: dict[str, str]) -> str:
        prefix, delimiter, after = query.get("prefix", ""), query.get("delimiter", ""), query.get("start-after", "")
        after = query.get("continuation-token", after)
        rows: dict[str, str] = {}
        for place, stored in sorted(self.objects.items()):
            key = place.removeprefix(f"{bucket}/")
            if place == key or not key.startswith(prefix) or key <= after:
                continue
            folder, slash, _ = key[len(prefix) :].partition("/") if delimiter else ("", "", "")
            if slash:
                name = prefix + folder + "/"
                rows[name] = f"<CommonPrefixes><Prefix>{quote(name)}</Prefix></CommonPrefixes>"
            else:
                rows[key] = (
                    f"<Contents><Key>{quote(key)}</Key>"
                    f"<LastModified>{stored.last_modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                    f"<ETag>&quot;{hashlib.md5(stored.body).hexdigest()}&quot;</ETag>"
                    f"<Size>{len(stored.body)}</Size></Contents>"
                )
        return (
            "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
            f"{''.join(rows.values())}</ListBucketResult>"
        )


def version_of(stored: StoredObject) -> str:
    """The name of an object's only version."""
    return f"version.{hashlib.md5(stored.uri.encode()).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    server_state: AwsServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        if "list-type" in query:
            if self.server_state.is_denied(f"{bucket}/{query.get('prefix', '')}"):
                code = self.server_state.denied_code
                return self.reply(403, f"<Error><Code>{code}</Code></Error>".encode())
            return self.reply(200, self.server_state.listing(bucket, query).encode())
        place = f"{bucket}/{key}"
        self.server_state.gets.append(key)
        stored = self.server_state.objects.get(place)
        if stored is None:
            return self.reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
        if self.server_state.is_denied(place):
            return self.reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        if self.server_state.kms_key and not stored.is_digest:
            reason = f"not authorized to perform: kms:Decrypt on resource: {self.server_state.kms_key}"
            return self.reply(403, f"<Error><Code>AccessDenied</Code><Message>{reason}</Message></Error>".encode())
        about = {f"x-amz-meta-{name}": text for name, text in stored.metadata.items()}
        return self.reply(200, stored.body, about | {"x-amz-version-id": version_of(stored)})

    def do_HEAD(self) -> None:
        place = unquote(urlsplit(self.path).path).lstrip("/")
        stored = self.server_state.objects.get(place)
        if stored is None or self.server_state.is_denied(place):
            return self.reply(200 if "/" not in place else 403 if stored else 404, b"")
        key = self.server_state.kms_key
        kms = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": key}
        self.reply(200, stored.body, kms if key else {})
        return None

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if content.startswith(b"Action=GetCallerIdentity"):
            return self.who()
        body = json.loads(content)
        found = re.search(r"Credential=[^/]+/[0-9]+/([^/]+)/cloudtrail/", self.headers["Authorization"])
        assert found is not None
        assert self.headers["X-Amz-Target"].endswith("CloudTrail_20131101.ListPublicKeys")
        region = found[1]
        self.server_state.key_requests.append((region, body))
        error = "AccessDeniedException" if self.server_state.is_denied(region) else self.server_state.key_error
        if error:
            answer: dict[str, Any] = {"__type": error, "message": "no"}
            return self.reply(400, json.dumps(answer).encode())
        listed = [
            key
            for key in self.server_state.keys.get(region, [])
            if key["ValidityStartTime"] <= body["EndTime"] and key["ValidityEndTime"] >= body["StartTime"]
        ]
        at = int(body.get("NextToken", "0"))  # one key a page
        answer = {"PublicKeyList": listed[at : at + 1]}
        if at + 1 < len(listed) or self.server_state.same_token:
            answer["NextToken"] = "1" if self.server_state.same_token else str(at + 1)
        return self.reply(200, json.dumps(answer).encode())

    def who(self) -> None:
        if self.server_state.is_denied("sts"):
            return self.reply(403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
        said = "<Account>111122223333</Account><Arn>arn:aws:iam::111122223333:user/auditor</Arn>"
        result = f"<GetCallerIdentityResult>{said}</GetCallerIdentityResult>"
        return self.reply(200, f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>".encode())

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.send_header("Last-Modified", "Tue, 04 Mar 2025 00:00:00 GMT")
        self.send_header("x-amz-bucket-region", "us-east-1")
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serve_aws() -> Iterator[AwsServer]:
    """Serve on loopback while the block runs."""
    state = AwsServer()
    with serve(Handler, server_state=state) as port:
        state.url = f"http://127.0.0.1:{port}"
        yield state
