"""Many people at once for a long time, then more than can be served, then quiet again.

    python3 manage.py bench --soak 20 --keep DIR    # minutes

PostgreSQL, one web node behind the cluster's proxy, and everybody's browsers, on this machine. Each
session signs in by itself, then reads and works with pauses as people do; providers answer with a
piece of evidence. What is measured: errors, the p95 of each kind of page against the same by one
person alone, the memory of the web processes, what becomes of too many requests, and how soon one
person is served as before.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from urllib.parse import quote

import psutil

import manage
from benchmarks import pages, seed, server
from benchmarks.load import Browser, Unexpected
from benchmarks.seed import Seeded
from benchmarks.stage import Stage
from repair_app.db import db

CASES = 10_000
SESSIONS = 200
PAUSE = 10.0  # seconds between two clicks of a session, on average
ALONE = 60.0  # seconds that one person is measured alone
CROWD = 400  # browsers that ask without a pause
CROWD_FOR = 60.0  # seconds
REFUSED = re.compile(r": 503\b")
PAUSE_REFUSED = 1.0  # second that who was refused waits
LOOK = 10.0  # seconds between two looks at the memory
RECOVERED = 20.0  # seconds that one person looks whether it is as before
# Of a hundred sessions.
ROLES = {"nobody": 40, "subject": 30, "reviewer": 15, "provider": 12, "auditor": 3}


@dataclass
class Seen:
    """What the sessions saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    served: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds since, MB

    def p95(self, kind: str) -> float:
        """Return the 95th percentile of a kind of page, ms."""
        return 1000 * percentile(self.seconds[kind], 95)

    @property
    def count(self) -> int:
        return sum(map(len, self.seconds.values()))


def percentile(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)] if ordered else 0.0


@dataclass
class Crowd:
    """What sessions ask for, and of whom."""

    port: int
    seeded: Seeded

    def __post_init__(self) -> None:
        self.answers = iter(self.seeded.awaiting_answer)
        self.taking = threading.Lock()
        firms = [seed.enterprise(number) for number in range(400)]
        record = [f"/records/{ref}" for ref in self.seeded.public]
        cases = [f"/cases/{ref}" for ref in self.seeded.cases]
        self.kinds: dict[str, dict[str, list[str]]] = {
            "nobody": {
                "public search": [f"/?q={quote(one.name[3:5])}" for one in firms],
                "public record": record,
            },
            "subject": {
                "my records": ["/my"],
                "case page": [f"/cases/{ref}" for ref in self.seeded.made],
                "public record": record,
            },
            "reviewer": {"worklist": ["/work"], "case page": cases},
            "provider": {"worklist": ["/work"]},
            "auditor": {"case page": cases},
        }

    def sign_in(self, role: str) -> dict[str, str]:
        """Return the cookies of a session of its own."""
        browser = Browser(self.port)
        try:
            return browser.sign_in(self.seeded.world[role]) if role != "nobody" else {}
        finally:
            browser.close()

    def click(self, browser: Browser, role: str, draw: random.Random) -> tuple[str, float]:
        """Ask for one page, or take one step; return its kind and how many seconds it took.

        Raises Unexpected.
        """
        if role == "provider" and draw.random() < 0.5:
            with self.taking:
                ref = next(self.answers, None)
            if ref:
                form = pages.answer_form(browser, (ref, "confirm"))
                since = time.perf_counter()
                browser.send(form)
                return "answer with evidence", time.perf_counter() - since
        kind = draw.choice(list(self.kinds[role]))
        path = draw.choice(self.kinds[role][kind])
        since = time.perf_counter()
        browser.get(path)
        return kind, time.perf_counter() - since


@dataclass
class Result:
    """What the whole run gave."""

    alone: Seen
    together: Seen
    crowd: Seen
    recovered: float  # seconds until one person was served as before; infinite: not at all
    minutes: float
    sessions: int


def fill(store: Stage) -> Seeded:
    """Fill a store with CASES, or take it as it was kept; part of what waits is left for later."""
    note = store.data / "soak.json"
    if note.exists():
        seeded = Seeded(**json.loads(note.read_text(encoding="utf-8")))
    else:
        with store.app.app_context():
            seeded = seed.fill(CASES)
            db.session.remove()
    half = len(seeded.awaiting_answer) // 2
    rest = replace(seeded, awaiting_answer=seeded.awaiting_answer[half:])
    note.write_text(json.dumps(asdict(rest)), encoding="utf-8")
    return replace(seeded, awaiting_answer=seeded.awaiting_answer[:half])


def run(store: Stage, seeded: Seeded, workers: int, minutes: float, sessions: int) -> Result:
    """Run it all on a filled store."""
    with server.serving(store.env, workers) as node, proxy_of(node.port) as port:
        crowd = Crowd(port, seeded)
        work(crowd, 1, 5.0, 0.0)  # warms up
        alone = work(crowd, len(ROLES), ALONE, 0.2, one_at_a_time=True)
        told = f"alone: {alone.count} requests, {len(alone.errors)} errors"
        print(told, file=sys.stderr, flush=True)
        together = work(crowd, sessions, 60 * minutes, PAUSE, pid=node.pid)
        told = f"together: {together.count} requests, {len(together.errors)} errors"
        print(told, file=sys.stderr, flush=True)
        crowded = work(crowd, CROWD, CROWD_FOR, 0.0)
        since = time.monotonic()
        recovered = time_recovery(crowd, alone, since)
    return Result(alone, together, crowded, recovered, minutes, sessions)


@contextmanager
def proxy_of(node: int) -> Iterator[int]:
    """Run the cluster's proxy before a node; give its port."""
    port = server.free_port()
    places = (f"127.0.0.1:{port}", f"127.0.0.1:{node}")
    command = manage.module_command("deploy.cluster.proxy", *places)
    with server.running(command, manage.child_env()) as process:
        server.wait_until_healthy(process, port)
        yield port


def roles_of(count: int) -> list[str]:
    """Return the roles of so many sessions, in the shares of ROLES, mixed."""
    if count <= len(ROLES):
        return list(ROLES)[:count]
    hundred = [role for role, share in ROLES.items() for _ in range(share)]
    random.Random(5).shuffle(hundred)
    return list(itertools.islice(itertools.cycle(hundred), count))


def work(
    crowd: Crowd,
    sessions: int,
    seconds: float,
    pause: float,
    *,
    pid: int = 0,
    one_at_a_time: bool = False,
) -> Seen:
    """Let sessions work for so long; pid: of the server whose memory is watched."""
    seen = Seen()
    roles = roles_of(sessions)
    cookies = [crowd.sign_in(role) for role in roles] if pause else sign_in_once(crowd, roles)
    alone = threading.Lock() if one_at_a_time else None
    end = time.monotonic() + seconds

    def live(number: int) -> None:
        draw = random.Random(number)
        browser = Browser(crowd.port, cookies[number])
        time.sleep(draw.uniform(0, pause))
        while time.monotonic() < end:
            if alone:
                with alone:
                    take(crowd, seen, browser, roles[number], draw, number)
            else:
                take(crowd, seen, browser, roles[number], draw, number)
            time.sleep(draw.uniform(0, 2 * pause))
        browser.close()

    threads = [threading.Thread(target=live, args=(one,)) for one in range(sessions)]
    since = time.monotonic()
    for one in threads:
        one.start()
    while pid and time.monotonic() < end:
        seen.memory.append((time.monotonic() - since, memory_of(pid)))
        time.sleep(min(LOOK, max(end - time.monotonic(), 0)))
    for one in threads:
        one.join()
    return seen


def sign_in_once(crowd: Crowd, roles: list[str]) -> list[dict[str, str]]:
    """Return cookies by role: of a crowd that is there to be too many, not to sign in."""
    known = {role: crowd.sign_in(role) for role in dict.fromkeys(roles)}
    return [known[role] for role in roles]


def take(
    crowd: Crowd, seen: Seen, browser: Browser, role: str, draw: random.Random, number: int
) -> None:
    """Take one click and note what came of it."""
    since = time.perf_counter()
    try:
        kind, took = crowd.click(browser, role, draw)
    except Unexpected as problem:
        if REFUSED.search(str(problem)):
            seen.refused.append(time.perf_counter() - since)
            time.sleep(PAUSE_REFUSED)
        else:
            seen.errors.append(str(problem))
            browser.close()
    else:
        seen.seconds[kind].append(took)
        seen.served[number] += 1


def memory_of(pid: int) -> float:
    """Return the memory of a process and its children, MB, what they share counted once each."""
    parent = psutil.Process(pid)
    family = [parent, *parent.children(recursive=True)]
    return sum(one.memory_info().rss for one in family) / 2**20


def time_recovery(crowd: Crowd, alone: Seen, since: float) -> float:
    """Return after how many seconds a page takes at most twice what it took alone, and stays so."""
    browser = Browser(crowd.port)
    path = crowd.kinds["nobody"]["public record"][0]
    usual, good_since = 2 * alone.p95("public record") / 1000, None
    while time.monotonic() - since < RECOVERED:
        begun = time.perf_counter()
        try:
            browser.get(path)
            good = time.perf_counter() - begun <= usual
        except Unexpected:
            good = False
        good_since = (good_since or time.monotonic()) if good else None
        time.sleep(0.2)
    browser.close()
    return good_since - since if good_since else float("inf")


def growth_of(memory: list[tuple[float, float]]) -> float:
    """Return how many times the memory of the second third of the time the last third's is."""
    third = len(memory) // 3 or 1
    return median(mb for _, mb in memory[-third:]) / median(mb for _, mb in memory[third:-third])


def unfairness(served: dict[int, int]) -> float:
    """Return how many times as often the luckiest tenth were served as the unluckiest tenth."""
    counts = sorted(served.values())
    tenth = len(counts) // 10 or 1
    return sum(counts[-tenth:]) / max(1, sum(counts[:tenth]))


def judge(result: Result, say: Callable[[str, float, float, str], object]) -> None:
    """Say what was reached."""
    together, crowd = result.together, result.crowd
    say("soak: errors", len(together.errors), 0, "")
    for kind in sorted(together.seconds):
        if len(together.seconds[kind]) >= 100 and result.alone.seconds[kind]:
            say(f"soak: p95 of {kind}", together.p95(kind) / result.alone.p95(kind), 2, "x")
    if len(together.memory) >= 3:
        say("soak: memory, last third to the one before", growth_of(together.memory), 1.05, "x")
    say("crowd: errors", len(crowd.errors), 0, "")
    took = [one for some in crowd.seconds.values() for one in some]
    say("crowd: longest wait of the served (p99)", percentile(took, 99), 8, " s")
    say("crowd: luckiest to unluckiest tenth", unfairness(crowd.served), 3, "x")
    say("crowd: recovered after", result.recovered, 10, " s")
