"""What it costs a request of the interface to be counted: by each process, or by all in the store.

This process asks itself over and over, in turns of each way of counting; the processor time of the
process and of PostgreSQL's processes is read before and after each turn.

    .venv/bin/python -m benchmarks.counting [--turns 6] [--requests 300]
"""

from __future__ import annotations

import argparse
import contextvars
import os
import statistics
import tempfile
import time
from pathlib import Path

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from benchmarks import server, stage
from benchmarks.stage import BenchConfig, environment_of
from repair_app import create_app, limits
from repair_app.db import db
from repair_app.services import clients
from tests.factories import make_case, make_world

WAYS = {"not counted": None, "by the process": "memory://", "in the store": "store://"}
PATH = "/api/v1/worklist"
HEADS = ("way", "ms a request", "web, ms CPU", "database, ms CPU")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--requests", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        postgresql = Path(folder, "postgresql")
        with (
            server.postgresql(postgresql) as uri,
            stage.stage("postgresql", Path(folder, "counting"), uri) as made,
        ):
            token = prepare(made.app)
            apps = {way: make_app(made, storage) for way, storage in WAYS.items()}
            postmaster = (postgresql / "postmaster.pid").read_text().split()[0]
            measure(apps, token, postmaster, asked.turns, asked.requests)


def prepare(app: Flask) -> str:
    """Put some cases on file and return a token of a reviewer's system."""
    with app.app_context():
        world = make_world()
        for _ in range(3):
            make_case(world, "submitted")
        seat = world.reviewer.current_appointments[0]
        issued = clients.register(None, seat, "Counting", ["cases:read"])
        auth = (issued.client.client_id, issued.secret)
        db.session.remove()
    client = app.test_client(use_cookies=False)
    sent = {"grant_type": "client_credentials"}
    answer = client.post("/api/v1/token", data=sent, auth=auth)
    return str(answer.get_json()["access_token"])


def make_app(made: stage.Stage, storage: str | None) -> Flask:
    """Return an application on the store that counts in a way; None: not at all."""
    limits.limiter = Limiter(get_remote_address)  # of this application alone
    chosen = {"RATELIMIT_ENABLED": storage is not None, "API_RATE_LIMIT": "1000000 per minute"}
    if storage:
        chosen["API_RATE_STORAGE_URI"] = storage
    config = type("CountingConfig", (BenchConfig,), chosen)
    with environment_of(made.env):
        return create_app(config())


def measure(apps: dict[str, Flask], token: str, postmaster: str, turns: int, requests: int) -> None:
    """Ask in turns and print the medians of the turns."""
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in apps}
    for turn in range(turns + 1):
        for way, app in apps.items():
            began, own, database = time.perf_counter(), time.process_time(), cpu_of(postmaster)
            ask(app, token, requests)
            taken = (
                time.perf_counter() - began,
                time.process_time() - own,
                cpu_of(postmaster) - database,
            )
            if turn:  # the first warms
                found[way].append(taken)
    print(f"load average {os.getloadavg()[0]:.1f}; " + " | ".join(HEADS))
    for way, rows in found.items():
        medians = [
            1000 * statistics.median(column) / requests for column in zip(*rows, strict=True)
        ]
        print(way, *(f"{one:.2f}" for one in medians), sep=" | ")


def ask(app: Flask, token: str, requests: int) -> None:
    """Ask some times; each time has to be answered."""
    client = app.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(requests):
        answer = contextvars.Context().run(client.get, PATH, headers=headers, buffered=True)
        if answer.status_code != 200:
            raise SystemExit(answer.get_data(as_text=True))


def cpu_of(postmaster: str) -> float:
    """Return the processor time of a server's processes so far, in seconds."""
    stats = (server.read_stat(path) for path in Path("/proc").glob("[0-9]*/stat"))
    own = (one for one in stats if one and postmaster in {one[0], one[3]})
    return sum(int(one[13]) + int(one[14]) for one in own) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
