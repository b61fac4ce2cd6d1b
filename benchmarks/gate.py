"""Times the enforcement gate as a system of a department asks it: one connection, kept alive."""

from __future__ import annotations

import base64
import http.client
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote, urlencode

from sqlalchemy import func, select

from benchmarks import server
from benchmarks.load import Timing, Unexpected, at_share
from benchmarks.seed import Seeded
from benchmarks.stage import Stage
from repair_app.db import db
from repair_app.models import CreditRecord, Organisation, Sanction, User
from repair_app.services import clients
from tests.factories import make_uscc

LIMITS = {"one": 10.0, "batch": 150.0}  # ms, p95
BATCH = 1_000
ASKED = {"one": 400, "batch": 40}  # requests of a round
WARMING = {"one": 100, "batch": 8}  # besides every enterprise with a measure, once
SHARES = {"with a measure": 0.8, "without": 0.1, "unknown": 0.1}
PURPOSE = "招标资格审查"
LEFT = timedelta(minutes=2)  # of a token's life when another one is got


@dataclass
class Found:
    """What was measured."""

    timings: dict[str, list[Timing]] = field(default_factory=lambda: {"one": [], "batch": []})
    states: Counter[str] = field(default_factory=Counter)


@dataclass
class System:
    """A system of a department, at one kept-alive connection."""

    port: int
    client_id: str
    secret: str
    token: str = ""
    until: float = 0.0

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """Send a request that has to be answered. Raises Unexpected."""
        self.connection.request(method, f"/api/v1{path}", body or None, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Unexpected(f"{method} {path[:80]}: {answer.status} {content[:300]!r}")
        return content

    def get_token(self) -> None:
        """Get a token, unless the present one is good for a while."""
        if time.monotonic() < self.until - LEFT.total_seconds():
            return
        own = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        kind = "application/x-www-form-urlencoded"
        sent = {"Authorization": f"Basic {own}", "Content-Type": kind}
        told = json.loads(self.send("POST", "/token", b"grant_type=client_credentials", **sent))
        self.token, self.until = told["access_token"], time.monotonic() + told["expires_in"]

    def ask_one(self, uscc: str, measure: str) -> tuple[float, list[str]]:
        """Ask one question; return what it took, in ms, and the state answered."""
        self.get_token()
        path = f"/enforceable?{urlencode({'uscc': uscc, 'measure': measure}, quote_via=quote)}"
        path += f"&purpose={quote(PURPOSE)}"
        since = time.perf_counter()
        content = self.send("GET", path, Authorization=f"Bearer {self.token}")
        took = 1000 * (time.perf_counter() - since)
        return took, [json.loads(content)["state"]]

    def ask_many(self, asked: list[tuple[str, str]]) -> tuple[float, list[str]]:
        """Ask many questions; return what it took, in ms, and the states answered."""
        self.get_token()
        questions = [{"uscc": uscc, "measure": measure} for uscc, measure in asked]
        body = json.dumps({"purpose": PURPOSE, "questions": questions}).encode()
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        since = time.perf_counter()
        content = self.send("POST", "/enforceable", body, **sent)
        took = 1000 * (time.perf_counter() - since)
        return took, [one["state"] for one in json.loads(content)["answers"]]


def measure(stage: Stage, seeded: Seeded, rounds: int) -> Found:
    """Measure the gate of a store that `waits.fill` has filled, with one server process."""
    chance = random.Random(20260101)
    with stage.app.app_context():
        officer = db.session.scalars(
            select(User).where(User.email == seeded.world["officer"])
        ).one()
        seat = officer.current_appointments[0]
        # A client for each round: one alone would meet the limit of requests a minute.
        registered = [
            clients.register(None, seat, f"benchmark {number}", ["gate"])
            for number in range(rounds + 1)
        ]
        secrets = [(one.client.client_id, one.secret) for one in registered]
        usccs = choose_enterprises(seat.organisation_id, chance)
        db.session.remove()
    found = Found()
    with server.serving(stage.env, 1) as running:
        for number, (client_id, secret) in enumerate(secrets):
            system = System(running.port, client_id, secret)
            if not number:
                warm_up(system, usccs["with a measure"])
            many = ASKED if number else WARMING  # the first round warms up
            for kind in ("one", "batch"):
                cpu, since = running.cpu_seconds(), time.perf_counter()
                took = []
                for _ in range(many[kind]):
                    asked = [draw(usccs, chance) for _ in range(BATCH if kind == "batch" else 1)]
                    ms, states = (
                        system.ask_many(asked) if kind == "batch" else system.ask_one(*asked[0])
                    )
                    took.append(ms)
                    found.states.update(states)
                if number:
                    spent = 1000 * (running.cpu_seconds() - cpu) / len(took)
                    rate = len(took) / (time.perf_counter() - since)
                    took.sort()
                    timing = Timing(len(took), rate, at_share(took, 0.5), at_share(took, 0.95))
                    found.timings[kind].append(
                        Timing(timing.count, timing.rate, timing.p50, timing.p95, spent)
                    )
            system.connection.close()
    return found


def warm_up(system: System, usccs: list[str]) -> None:
    """Ask about every enterprise with a measure once: a gate that is asked all day has them read.

    Else the first questions of a large store would be measured, and the hundredth of a small one.
    """
    for first in range(0, len(usccs), BATCH):
        system.ask_many([(uscc, "A01") for uscc in usccs[first : first + BATCH]])


def choose_enterprises(department: int, chance: random.Random) -> dict[str, list[str]]:
    """Return enterprises to ask about, by kind: spread over all there are."""
    measured = (
        select(CreditRecord.subject_id).join(Sanction).where(Sanction.department_id == department)
    )
    with_one = db.session.scalars(
        select(Organisation.uscc).where(Organisation.id.in_(measured)).order_by(Organisation.id)
    ).all()
    highest = db.session.scalar(select(func.max(Organisation.id))) or 1
    ids = chance.sample(range(1, highest + 1), min(20_000, highest))
    anybody = db.session.scalars(select(Organisation.uscc).where(Organisation.id.in_(ids))).all()
    return {
        "with a measure": [one for one in with_one if one],
        "without": [one for one in anybody if one],
        "unknown": [make_uscc(9_000_000 + number) for number in range(2_000)],
    }


def draw(usccs: dict[str, list[str]], chance: random.Random) -> tuple[str, str]:
    """Return a question."""
    [kind] = chance.choices(list(SHARES), SHARES.values())
    return chance.choice(usccs[kind]), chance.choice(("A01", "A01", "A01", "A02"))
