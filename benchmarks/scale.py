"""Times the same things in a small store and in a large one, in turn: what grows with the records?

Both stores are PostgreSQL's: a fifth as many cases as records, about ten events to a case. The
stores take turns with each kind of request, so that both meet the same machine.
"""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from urllib.parse import quote

from benchmarks import gate, names, pages, seed, server, waits
from benchmarks.load import Browser, Timing
from benchmarks.pages import NOBODY, STEP, Site
from benchmarks.seed import Seeded
from benchmarks.stage import Stage
from repair_app.db import db
from repair_app.services import imports

FIRST = 100_000  # records of the small store, at most
TIMES = 10  # the large one has at least so many times as many
CASES = 5  # records to a case
IMPORTED = 20_000  # rows of the file that each store is given
BATCH = "gate, batch of 1,000"
GATE = {"one": "gate, one question", "batch": BATCH}
STARTED = 10_000_000  # numbers of enterprises from here on are those of the imported files


@dataclass
class Found:
    """What was measured of one store."""

    records: int
    cases: int
    events: int
    seconds: float  # that filling it took; 0 for one that was kept
    timings: dict[str, list[Timing]] = field(default_factory=dict)
    imported: float = 0.0  # rows a second


def sizes_of(scale: int) -> tuple[int, int]:
    """Return how many records the small and the large store have."""
    return min(FIRST, scale // TIMES), scale


def fill(store: Stage, records: int) -> tuple[Seeded, float]:
    """Fill a store, or take it as it was kept; return what it holds and how long that took."""
    note = note_of(store, records)
    if note.exists():
        return Seeded(**json.loads(note.read_text(encoding="utf-8"))), 0.0
    since = time.perf_counter()
    with store.app.app_context():
        seeded = waits.fill(records // CASES, records)
        db.session.remove()
    keep(store, records, seeded)
    took = time.perf_counter() - since
    laps = ", ".join(f"{name} {one:.0f}" for name, one in seeded.seconds.items() if one >= 1)
    print(f"{records:,} records, {seeded.count:,} cases, {seeded.events:,} events: {took:.0f} s")
    print(f"  ({laps})", flush=True)
    return seeded, took


def note_of(store: Stage, records: int) -> Path:
    return store.data / f"scale-{records}.json"


def take(store: Stage, records: int, seeded: Seeded) -> Seeded:
    """Return what one run may use up of a store; the next two runs want some, too."""
    part = len(seeded.awaiting_answer) // 3 or 1
    keep(store, records, replace(seeded, awaiting_answer=seeded.awaiting_answer[part:]))
    return replace(seeded, awaiting_answer=seeded.awaiting_answer[:part])


def keep(store: Stage, records: int, seeded: Seeded) -> None:
    """Write down what a store holds, for the next time."""
    note_of(store, records).write_text(json.dumps(asdict(seeded)), encoding="utf-8")


def measure(
    stores: dict[int, Stage], workers: int, seconds: float, rounds: int, rows: int
) -> dict[int, Found]:
    """Measure stores of several sizes, in turn."""
    found, sites, kinds = {}, {}, {}
    for size, store in stores.items():
        seeded, took = fill(store, size)
        taken = take(store, size, seeded)
        found[size] = Found(size, seeded.count, seeded.events, took)
        sites[size] = taken
        kinds[size] = kinds_of(taken, size)
    for size, store in stores.items():
        with server.serving(store.env, workers) as running:
            site = Site(running, sites[size], 1, seconds, rounds=rounds)
            site.sign_everybody_in()
            for number in range(rounds + 1):
                site.seconds = seconds if number else 0.5  # the first round warms up
                for name, kind in kinds[size].items():
                    add(found[size], name, time_pages(site, kind), number)
                for name, timing in pages.time_writing(site, STEP).items():
                    add(found[size], name, timing, number)
        asked = gate.measure(store, sites[size], rounds)
        for name, some in asked.timings.items():
            found[size].timings[GATE[name]] = some
        found[size].imported = time_import(store, rows)
    return found


def add(found: Found, name: str, timing: Timing, number: int) -> None:
    if number:
        found.timings.setdefault(name, []).append(timing)


def kinds_of(seeded: Seeded, records: int) -> dict[str, waits.Kind]:
    """Return what is read of a store: who asks, and where."""
    asked = names.questions(records)
    searched = {
        f"search, {name}": waits.Kind(NOBODY, [f"/?q={quote(one)}" for one in asked[name]], 15)
        for name in ("2 characters", "4 characters")
    }
    return {
        "worklist, reviewer": waits.Kind("reviewer", ["/work"], 40),
        "worklist, provider": waits.Kind("provider", ["/work"], 40),
        "case page": waits.Kind("reviewer", [f"/cases/{ref}" for ref in seeded.cases], 40),
        **searched,
    }


def time_pages(site: Site, kind: waits.Kind) -> Timing:
    """Time one kind of page in one browser."""
    browsers = site.browsers(kind.who)
    try:
        paths = itertools.cycle(kind.paths)
        return pages.time_here(site, browsers, paths, Browser.get, site.seconds)
    finally:
        pages.close(browsers)


def time_import(store: Stage, rows: int) -> float:
    """Bring a file of new enterprises into a store; return how many rows a second."""
    first = STARTED + int(time.time()) % 1_000_000 * 3
    agencies = [seed.agency(number) for number in range(seed.AGENCIES)]
    parties = (
        (stranger(first + number), agencies[number % len(agencies)]) for number in range(rows)
    )
    content = seed.write_file(parties)
    with store.app.app_context():
        since = time.perf_counter()
        counts = imports.bring_in_file(content, "scale.csv").counts
        took = time.perf_counter() - since
        db.session.remove()
    assert counts["accepted"] == rows, counts
    return rows / took


def stranger(number: int) -> seed.Party:
    """Return an enterprise that no store has: a name and a code of its own."""
    return seed.Party(
        f"济南市示例{number}号商贸有限公司", seed.code(f"91370113MB{number % 10_000_000:07d}")
    )


def growth(few: Found, many: Found, name: str) -> float:
    """Return how many times the p95 of the small store the large one's is: medians of rounds."""
    return p95(many, name) / p95(few, name)


def p95(found: Found, name: str) -> float:
    return median(one.p95 for one in found.timings[name])
