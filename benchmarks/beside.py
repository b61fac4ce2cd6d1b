"""Is a platform slowed by another that answers slowly, or nonsense?

One that answers at once is sent the same records alone, beside one that takes its time with each
answer, and beside one whose answers mean nothing, in turns. Measured is what lies between two
messages as they come in there: sending, its answer, and noting it. The platforms are a process of
their own on loopback.

    .venv/bin/python -m benchmarks.beside [--turns 5] [--records 300] [--slow 1.0]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

from benchmarks import server, stage
from benchmarks.load import at_share
from repair_app.db import db
from repair_app.models import Delivery, Platform, PlatformStanding
from repair_app.services.sync import changes, delivery
from repair_app.services.transaction import transaction
from tests.factories import make_record, make_world
from tests.sync.platforms import make_platform

WAYS = {"alone": None, "beside a slow one": "slow", "beside nonsense": "nonsense"}
MOST_GROWTH = 1.1  # of the p95
_numbers = count(1)


class Handler(BaseHTTPRequestHandler):
    """Platforms: the path says what kind."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out at once
    slow = 1.0  # seconds
    arrived: list[float]

    def do_POST(self) -> None:
        """Take a message and answer it."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/good":
            self.arrived.append(time.perf_counter())
        if self.path == "/slow":
            time.sleep(self.slow)
        told = json.loads(content).get("data", {}).get("hash")
        said = b"yes" if self.path == "/nonsense" else json.dumps({"hash": told}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def serve(pipe: Connection, slow: float) -> None:
    """Be platforms until told to stop: give the port, then the arrivals since the last asking."""
    Handler.slow, Handler.arrived = slow, []
    site = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.daemon_threads = True
    Thread(target=site.serve_forever, daemon=True).start()
    pipe.send(site.server_address[1])
    while pipe.recv():
        pipe.send(Handler.arrived[:])
        Handler.arrived.clear()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--slow", type=float, default=1.0, help="seconds of an answer")
    asked = parser.parse_args()
    here, there = multiprocessing.Pipe()
    site = multiprocessing.get_context("spawn").Process(target=serve, args=(there, asked.slow))
    site.start()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            server.postgresql(Path(folder, "postgresql")) as uri,
            stage.stage("postgresql", Path(folder, "beside"), uri) as made,
            made.app.app_context(),
        ):
            made.app.config["WEBHOOK_INSIDE"] = "127.0.0.0/8"
            world = make_world()
            for _ in range(asked.records):
                make_record(world.firm, world.agency)
            while changes.take_in():
                changes.order_changes()
            measure(here, f"http://127.0.0.1:{here.recv()}", asked.turns, asked.records)
            db.session.remove()
    finally:
        here.send(False)
        site.join()


def measure(pipe: Connection, site: str, turns: int, records: int) -> None:
    """Send in turns; print the medians of the turns and the growth."""
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for turn in range(turns + 1):
        ways = list(WAYS.items())
        for way, other in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            gaps = send_all(pipe, site, other, records)
            if turn:  # the first warms
                found[way].append((at_share(gaps, 0.5), at_share(gaps, 0.95)))
    print(f"load average {os.getloadavg()[0]:.1f}; way | p50 ms | p95 ms | p95 to that alone")
    alone = [p95 for _, p95 in found["alone"]]
    for way, rows in found.items():
        growth = statistics.median(p95 / one for (_, p95), one in zip(rows, alone, strict=True))
        p50, p95 = (1000 * statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{way} | {p50:.2f} | {p95:.2f} | x{growth:.2f} (x{MOST_GROWTH} at most)")


def send_all(pipe: Connection, site: str, other: str | None, records: int) -> list[float]:
    """Let platforms join, send them everything, disable them; return what lay between messages."""
    names = ["good", *([other] if other else [])]
    joined = [join(site, name) for name in reversed(names)]
    pipe.send(True)
    pipe.recv()
    delivery.deliver_due()
    pipe.send(True)
    arrived = pipe.recv()
    with transaction() as session:
        for one in joined:
            gone = session.get_one(Platform, one)
            gone.standing, gone.problem = PlatformStanding.DISABLED, "withdrawn"
    assert len(arrived) == records, len(arrived)
    return sorted(later - earlier for earlier, later in pairwise(arrived))


def join(site: str, name: str) -> int:
    """Let a platform be owed all records; return its id."""
    code = f"{name}-{next(_numbers)}"
    return make_platform(code=code, delivery=Delivery.WEBHOOK, url=f"{site}/{name}").id


if __name__ == "__main__":
    main()
