"""LookupEvents and GetCallerIdentity over HTTP, with the limits of the real ones and faults on demand."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any

from tests.loopback import serve

ACCOUNT = "111122223333"
Fault = Callable[[str, dict[str, Any]], str | None]  # (region, request) → an error's code


@dataclass(frozen=True)
class Request:
    """One LookupEvents request as it arrived."""

    region: str
    body: dict[str, Any]

    @property
    def span(self) -> tuple[datetime, datetime]:
        return moment(self.body["StartTime"]), moment(self.body["EndTime"])


@dataclass
class LookupServer:
    """The event history of one account."""

    url: str = ""
    now: datetime | None = None  # None: the time of the machine
    page_size: int = 50
    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    empty_pages: int = 0  # before the first page of each span, as AWS does while it searches
    _tokens: dict[str, tuple[dict[str, Any], int]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def variables(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_CLOUDTRAIL": self.url, "AWS_ENDPOINT_URL_STS": self.url}

    @property
    def looked_up(self) -> list[Request]:
        """The requests for events; not those that only ask whether a region answers."""
        return [request for request in self.requests if request.body["MaxResults"] > 1]

    def add(self, record: dict[str, Any], *, username: str = "root", text: str | None = None) -> None:
        """Put a record into the history; `text` instead of its JSON."""
        self.events.append(
            {
                "EventId": record["eventID"],
                "EventName": record["eventName"],
                "EventTime": datetime.fromisoformat(record["eventTime"]).timestamp(),
                "Username": username,
                "CloudTrailEvent": json.dumps(record) if text is None else text,
                "region": record["awsRegion"],
            }
        )

    def fail(self, code: str, *, region: str = "", times: int | None = None, of_next_pages: bool = False) -> None:
        """Answer with an error, for ever or a few times."""
        left = iter(range(times)) if times is not None else count()

        def fault(asked_region: str, body: dict[str, Any]) -> str | None:
            is_meant = region in ("", asked_region) and (not of_next_pages or "NextToken" in body)
            return code if is_meant and next(left, None) is not None else None

        self.faults.append(fault)

    def answer(self, region: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.requests.append(Request(region, body))
            for fault in self.faults:
                if code := fault(region, body):
                    return (500 if code == "InternalError" else 400), {"__type": code, "message": "no"}
            return self._page(region, body)

    def _page(self, region: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked = {name: value for name, value in body.items() if name != "NextToken"}
        start, end = moment(body["StartTime"]), moment(body["EndTime"])
        if start > end or start < (self.now or datetime.now(UTC)) - timedelta(days=90):
            return 400, {"__type": "InvalidTimeRangeException", "message": "no"}
        before, position = self._tokens.get(body.get("NextToken", ""), (asked, -self.empty_pages))
        if before != asked or ("NextToken" in body and body["NextToken"] not in self._tokens):
            return 400, {"__type": "InvalidNextTokenException", "message": "no"}
        username = next((one["AttributeValue"] for one in body.get("LookupAttributes", [])), None)
        found = [
            {name: value for name, value in event.items() if name != "region"}
            for event in sorted(self.events, key=lambda event: -float(event["EventTime"]))
            if event["region"] == region
            and start.timestamp() <= event["EventTime"] <= end.timestamp()
            and username in (None, event["Username"])
        ]
        size = min(self.page_size, body["MaxResults"])
        page = found[position : position + size] if position >= 0 else []
        following = position + size if position >= 0 else position + 1
        answer: dict[str, Any] = {"Events": page}
        if following < len(found) or following <= 0:
            answer["NextToken"] = f"page-{next(self._numbers)}"
            self._tokens[answer["NextToken"]] = asked, following
        return 200, answer


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class Handler(BaseHTTPRequestHandler):
    server_state: LookupServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b"GetCallerIdentity" in body:
            return self.reply(200, _IDENTITY.encode(), "text/xml")
        found = re.search(r"Credential=[^/]+/[0-9]+/([^/]+)/cloudtrail/", self.headers["Authorization"])
        assert found is not None
        assert self.headers["X-Amz-Target"].endswith("CloudTrail_20131101.LookupEvents")
        status, answer = self.server_state.answer(found[1], json.loads(body))
        return self.reply(status, json.dumps(answer).encode(), "application/x-amz-json-1.1")

    def reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


_IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/reader/me</Arn><UserId>AROA:me</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@contextmanager
def serve_lookup_events() -> Iterator[LookupServer]:
    """Serve on loopback while the block runs."""
    state = LookupServer()
    with serve(Handler, server_state=state) as port:
        state.url = f"http://127.0.0.1:{port}"
        yield state
