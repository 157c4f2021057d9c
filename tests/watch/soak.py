"""Let `detector watch` work for some minutes as fast as it can, and watch its memory.

    python -m tests.watch.soak --seconds 300

Objects are uploaded as quickly as they are taken: never more than so many wait. Most records are ordinary calls; one in
a hundred is a sign-in, which the rules look at. Loopback only; everything that is started is ended.
"""

from __future__ import annotations

import argparse
import gzip
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.running import LOGIN, aws_environment

from .rounds import moto
from .trail import Trail, watch_command

RECORDS = 50
WAITING = 600


def log_files() -> Iterator[tuple[str, bytes]]:
    """Log files of now, each with events of its own."""
    for number in count():
        now = datetime.now(UTC)
        records = [
            {"eventVersion": "1.09", "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}", "eventID": str(uuid.uuid4()),
             "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "awsRegion": "us-east-1",
             "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2", "readOnly": True,
             "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice", "userName": "alice"},
             "requestParameters": {"filter": number}, "responseElements": None, "recipientAccountId": "111122223333"}
            for _ in range(RECORDS)
        ]  # fmt: skip
        if number % 2:
            sign_in = {"userIdentity": {"type": "IAMUser", "userName": "alice"}, "eventTime": records[0]["eventTime"]}
            records[0] = LOGIN | sign_in | {"eventID": records[0]["eventID"]}
        name = f"111122223333_CloudTrail_us-east-1_{now:%Y%m%dT%H%MZ}_{number:016}.json.gz"
        yield (
            f"AWSLogs/111122223333/CloudTrail/us-east-1/{now:%Y/%m/%d}/{name}",
            gzip.compress(json.dumps({"Records": records}).encode(), 1),
        )


def keep_busy(trail: Trail, ended: threading.Event) -> None:
    files = log_files()
    with ThreadPoolExecutor(4) as pool:
        while not ended.is_set():
            missing = WAITING - trail.left
            if missing > 0:
                list(pool.map(lambda file: trail.put(dict([file])), [next(files) for _ in range(missing)]))
            ended.wait(0.2)


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


def objects_ingested(metrics: Path) -> int:
    lines = metrics.read_text().splitlines() if metrics.exists() else []
    return next((int(float(line.split()[1])) for line in lines if line.startswith("detector_objects_ingested_t")), 0)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name, moto() as url:
        folder = Path(name)
        metrics = folder / "metrics.prom"
        trail = Trail.make(url)
        ended = threading.Event()
        busy = threading.Thread(target=keep_busy, args=(trail, ended))
        busy.start()
        command = watch_command(trail.queue_url, folder, "--metrics", str(metrics))
        process = subprocess.Popen(command, env=aws_environment(url, folder))
        started = time.monotonic()
        tenths: list[tuple[float, float, int]] = []
        for tenth in range(1, 11):
            time.sleep(max(0.0, started + seconds * tenth / 10 - time.monotonic()))
            tenths.append((time.monotonic() - started, resident_megabytes(process.pid), objects_ingested(metrics)))
            print("%5.1f s  %6.1f MB  %7d objects" % tenths[-1], flush=True)  # noqa: T201, UP031
        ended.set()
        busy.join()
        process.send_signal(signal.SIGTERM)
        code = process.wait(120)
    (_, early, first), (_, late, last) = tenths[2], tenths[-1]
    rate = (last - first) / (tenths[-1][0] - tenths[2][0])
    print(  # noqa: T201
        f"{rate:.0f} objects and {rate * RECORDS:,.0f} records a second; {late - early:+.1f} MB from 30 % to the end; "
        f"exit code {code}"
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
