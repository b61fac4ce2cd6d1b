"""Runs the benchmarks and prints what they found."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import (
    gate,
    history,
    names,
    pages,
    queries,
    report,
    scale,
    seed,
    server,
    soak,
    waits,
)
from benchmarks.load import Timing, Unexpected, middle
from benchmarks.report import Report, Verdict, show
from benchmarks.stage import Stage, stage
from repair_app import ledger
from repair_app.db import db
from repair_app.services import imports

PARTS = ("import", "ledger", "pages", "waits", "gate", "search", "start", "history")
STORES = ("sqlite", "postgresql")
FEWEST = 500  # cases: fewer leave too little to write
ADDITIONS = 20_000_000  # a second or so of one processor that has nothing else to do


def main() -> int:
    chosen = read_arguments()
    print(describe_machine())
    made = Report()
    with tempfile.TemporaryDirectory(prefix="redress-bench-", dir=chosen.folder) as folder:
        if chosen.scale:
            place = chosen.keep or Path(folder)
            with store_server("postgresql", place, keeps=bool(chosen.keep)) as uri:
                made.found["scale"] = measure_scale(chosen, place, uri, made)
        if chosen.soak:
            place = chosen.keep or Path(folder)
            with store_server("postgresql", place, keeps=bool(chosen.keep)) as uri:
                measure_soak(chosen, place, uri, made)
        for kind in () if chosen.scale or chosen.soak else chosen.store:
            with store_server(kind, chosen.keep or Path(folder), keeps=bool(chosen.keep)) as uri:
                measure_store(chosen, kind, Path(folder), uri, made)
    show(
        "Targets",
        ("target", "measured", "verdict"),
        [(one.target, one.measured, "PASS" if one.passed else "FAIL") for one in made.verdicts],
    )
    if chosen.json:
        verdicts = [asdict(one) for one in made.verdicts]
        content = {"machine": describe_machine(), "verdicts": verdicts, **made.found}
        chosen.json.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    return int(chosen.strict and not made.passed)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py bench", description="Measure the application.")
    parser.add_argument(
        "--cases",
        type=int,
        nargs="+",
        default=[10_000, 100_000],
        metavar="N",
        help="sizes of the stores; ratios are of the last to the first (10000 100000)",
    )
    parser.add_argument("--store", nargs="+", choices=STORES, default=STORES, help="(both)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts (all)")
    parser.add_argument(
        "--rows", type=int, default=100_000, help="of the imported file (%(default)s)"
    )
    parser.add_argument(
        "--records", type=int, default=1_000_000, help="to search among (%(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=2, help="for each kind of page in a round (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="browsers at once (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="of the server (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="where stores are made (the system's)"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the stores of `waits` there, for next time"
    )
    parser.add_argument(
        "--scale",
        type=int,
        nargs="?",
        const=1_000_000,
        metavar="N",
        help="only this, on PostgreSQL: N records, a fifth as many cases, against a tenth (1 M)",
    )
    parser.add_argument(
        "--soak",
        type=float,
        nargs="?",
        const=20,
        metavar="MINUTES",
        help="only this, on PostgreSQL: many sessions for so long, then too many (20)",
    )
    parser.add_argument(
        "--sessions", type=int, default=soak.SESSIONS, help="of --soak (%(default)s)"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target is missed")
    chosen = parser.parse_args()
    if min(chosen.cases) < FEWEST:
        parser.error(f"--cases: {FEWEST} or more")
    return chosen


def describe_machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, "
        f"{os.cpu_count()} CPUs, load average {load}, "
        f"{ADDITIONS:,} additions in {time_additions():.2f} s"
    )


def time_additions() -> float:
    """Return how many seconds a loop takes that is always the same: how busy the machine is."""
    since = time.perf_counter()
    total = 0
    for one in range(ADDITIONS):
        total += one
    return time.perf_counter() - since


@contextmanager
def store_server(kind: str, folder: Path, *, keeps: bool) -> Iterator[str | None]:
    """Run the server of a kind of store, if it needs one."""
    if kind == "sqlite":
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    with server.postgresql(folder / "pg", keeps=keeps) as uri:
        yield uri


def measure_store(
    chosen: argparse.Namespace, kind: str, folder: Path, uri: str | None, made: Report
) -> None:
    """Measure the chosen parts on one kind of store."""
    found = made.found.setdefault(kind, {})
    if {"import", "ledger"} & set(chosen.only):
        with stage(kind, folder / f"{kind}-import", uri) as empty:
            found |= measure_import(chosen, empty, made)
    if "pages" in chosen.only:
        try:
            found["pages"] = measure_pages(chosen, kind, folder, uri, made)
        except Unexpected as problem:
            print(f"{kind}: {problem}")
            made.verdicts.append(Verdict(f"{kind}: every request is answered", str(problem), False))
    if "waits" in chosen.only:
        with stage(kind, (chosen.keep or folder) / f"{kind}-waits", uri) as store:
            found["waits"] = measure_waits(chosen, store, made)
    if "gate" in chosen.only:
        with stage(kind, (chosen.keep or folder) / f"{kind}-waits", uri) as store:
            found["gate"] = measure_gate(chosen, store, made)
    if "search" in chosen.only:
        with stage(kind, folder / f"{kind}-names", uri) as empty:
            found["search"] = measure_search(chosen, empty, made)
    if "history" in chosen.only:
        with stage(kind, folder / f"{kind}-history", uri) as empty:
            found["history"] = history.measure(empty, chosen.rows, made)
    if "start" in chosen.only:
        found["start"] = measure_start(kind, folder, uri, made)


# --- import and ledger ------------------------------------------------------------------------


def measure_import(chosen: argparse.Namespace, empty: Stage, made: Report) -> dict[str, float]:
    """Bring a file into an empty store, bring it in again, and verify the events."""
    content = seed.write_file(seed.everyday_parties(chosen.rows))
    clock = seed.Stopwatch()
    with empty.app.app_context():
        for name, word in (("import", "accepted"), ("import again", "duplicate")):
            counts = imports.bring_in_file(io.BytesIO(content), "penalties.csv").counts
            clock.lap(name)
            assert counts[word] == chosen.rows, counts
        db.session.remove()
        verified = ledger.verify(db.session())
        clock.lap("ledger")
        assert verified == (chosen.rows, None), verified
    found = clock.laps
    show(
        f"{empty.version}: a file of {chosen.rows:,} rows ({len(content) / 1e6:.0f} MB)",
        ("", "seconds", "of these CPU", "a second"),
        [
            (name, f"{took:.2f}", f"{clock.cpu[name]:.2f}", f"{chosen.rows / took:,.0f}")
            for name, took in found.items()
        ],
    )
    scale = 100_000 / chosen.rows
    made.judge(
        f"{empty.kind}: import of 100,000 rows",
        found["import"] * scale,
        report.IMPORT_SECONDS,
        " s",
    )
    made.judge(
        f"{empty.kind}: ledger.verify of 100,000 events",
        found["ledger"] * scale,
        report.LEDGER_SECONDS,
        " s",
    )
    return found


# --- pages ------------------------------------------------------------------------------------


Rounds = dict[int, dict[str, list[Timing]]]  # size -> kind of request -> one for each round


def measure_pages(
    chosen: argparse.Namespace, kind: str, folder: Path, uri: str | None, made: Report
) -> dict[str, object]:
    """Seed a store of each size, time their servers in turn, and count queries."""
    with ExitStack() as stack:
        stages, sites = {}, {}
        for size in chosen.cases:
            stages[size] = stack.enter_context(stage(kind, folder / f"{kind}-{size}", uri))
            seeded = fill(stages[size], size)
            served = stack.enter_context(server.serving(stages[size].env, chosen.workers))
            sites[size] = pages.Site(
                served, seeded, chosen.threads, chosen.seconds, rounds=chosen.rounds
            )
        rounds = time_in_turn(sites, chosen.rounds)
        asked, counted = {}, {}
        for size, site in sites.items():
            asked[size] = queries.statements_of_requests(stages[size], site.seeded)
            counted[size] = queries.count_pages(stages[size], site.seeded)
        at_once = f"{chosen.workers} workers, {chosen.threads} browsers at once"
        title = f"{stages[chosen.cases[0]].version}, {at_once}, {chosen.rounds} rounds"
    show_timings(title, rounds, asked)
    judge_growth(kind, rounds, made)
    show_queries(kind, counted, made)
    return {
        "rounds": {
            size: {name: [asdict(one) for one in some] for name, some in kinds.items()}
            for size, kinds in rounds.items()
        },
        "requests": asked,
        "pages": {
            size: [{"who": who, "page": page, **asdict(one)} for (who, page), one in some.items()]
            for size, some in counted.items()
        },
        "seeding": {size: site.seeded.seconds for size, site in sites.items()},
    }


def time_in_turn(sites: dict[int, pages.Site], count: int) -> Rounds:
    """Time every kind of request; the sizes take turns, so that each meets the same machine."""
    rounds: Rounds = {size: defaultdict(list) for size in sites}
    for site in sites.values():
        pages.warm_up(site)
    for number in range(count):
        print(f"round {number + 1} of {count}", flush=True)
        turns = sorted(sites.items(), reverse=bool(number % 2))
        for kind in pages.KINDS:
            for size, site in turns:
                for name, timing in pages.time_kind(site, kind).items():
                    rounds[size][name].append(timing)
    return rounds


def fill(empty: Stage, size: int) -> seed.Seeded:
    """Seed a store and say how long that took."""
    with empty.app.app_context():
        seeded = seed.fill(size)
        db.session.remove()
    total = sum(seeded.seconds.values())
    laps = ", ".join(f"{name} {took:.1f}" for name, took in seeded.seconds.items() if took >= 0.1)
    print(
        f"{empty.version}: {seeded.count:,} cases with {seeded.events:,} events "
        f"in {total:.0f} s ({laps})",
        flush=True,
    )
    return seeded


def show_timings(title: str, rounds: Rounds, asked: dict[int, dict[str, list[str]]]) -> None:
    heads = ["", "queries"]
    for size in rounds:
        heads += [f"{size:,}: req/s", "p50 ms", "p95 ms", "CPU ms"]
    heads += ["p95 ratio", "CPU ratio"]
    rows = []
    for name in rounds[min(rounds)]:
        row: list[object] = [name, max(len(some[name]) for some in asked.values())]
        for some in rounds.values():
            one = middle(some[name])
            row += [f"{one.rate:.0f}", f"{one.p50:.1f}", f"{one.p95:.1f}", f"{one.cpu:.1f}"]
        ratios = (growth(rounds, name, figure) for figure in ("p95", "cpu"))
        rows.append([*row, *(f"x{one:.2f}" for one in ratios)])
    show(title, heads, rows)


def growth(rounds: Rounds, name: str, figure: str) -> float:
    """Return the median over the rounds of how much more it is with the most cases."""
    pairs = zip(rounds[min(rounds)][name], rounds[max(rounds)][name], strict=True)
    return median(getattr(many, figure) / (getattr(few, figure) or math.nan) for few, many in pairs)


def judge_growth(kind: str, rounds: Rounds, made: Report) -> None:
    few, many = min(rounds), max(rounds)
    for name in report.FLAT if few < many else ():
        target = f"{kind}: p95 of {name}, {few:,} to {many:,} cases: growth"
        made.judge(target, growth(rounds, name, "p95"), report.MOST_GROWTH, "x")


def show_queries(
    kind: str, counted: dict[int, dict[tuple[str, str], queries.Visited]], made: Report
) -> None:
    """Show the pages that send the most, and those over the target."""
    size, most = max(counted.items(), key=lambda one: max(page.queries for page in one[1].values()))
    order = sorted(most.items(), key=lambda one: -one[1].queries)
    worst = [one for one in order if one[1].queries > report.MOST_QUERIES] or order[:10]
    show(
        f"{kind}: pages with the most queries, of {len(order)} kinds, at {size:,} cases",
        ("page", "as", "queries", "ms, once", "repeated", "example"),
        [
            (page, who, one.queries, f"{one.ms:.0f}", queries.repeated(one.statements), one.worst)
            for (who, page), one in worst
        ],
    )
    largest = max(counted)
    slow = sorted(counted[largest].items(), key=lambda one: -one[1].ms)[:10]
    show(
        f"{kind}: the slowest pages, each asked once, at {largest:,} cases",
        ("page", "as", "queries", "ms, once", "example"),
        [(page, who, one.queries, f"{one.ms:.0f}", one.worst) for (who, page), one in slow],
    )
    made.judge(f"{kind}: queries of any page", order[0][1].queries, report.MOST_QUERIES, "")


# --- waits ------------------------------------------------------------------------------------


def measure_waits(chosen: argparse.Namespace, store: Stage, made: Report) -> dict[str, object]:
    """Time what people wait for, one at a time, where there are the most cases and records."""
    size, records = max(chosen.cases), max(chosen.records, *chosen.cases)
    note, seeded = fill_most(chosen, store)
    left = replace(seeded, objectionable=seeded.objectionable[:-2])  # the journey takes two
    note.write_text(json.dumps(asdict(left)), encoding="utf-8")
    found = waits.measure(store, seeded, records, chosen.workers, chosen.seconds, chosen.rounds)
    of_what = f"{size:,} cases and {records:,} records"
    show_waits(f"{store.version}: one browser, {chosen.workers} workers, {of_what}", found)
    judge_waits(store.kind, found, made)
    return asdict(found)


def fill_most(chosen: argparse.Namespace, store: Stage) -> tuple[Path, seed.Seeded]:
    """Fill a store with the most cases and records; return what is in it, and where that is noted.

    A store that was kept is taken as it is, if it has as many.
    """
    size, records = max(chosen.cases), max(chosen.records, *chosen.cases)
    note = store.data / f"{size}-of-{records}.json"
    if note.exists():
        return note, seed.Seeded(**json.loads(note.read_text(encoding="utf-8")))
    with store.app.app_context():
        seeded = waits.fill(size, records)
        db.session.remove()
    note.write_text(json.dumps(asdict(seeded)), encoding="utf-8")
    return note, seeded


def measure_gate(chosen: argparse.Namespace, store: Stage, made: Report) -> dict[str, object]:
    """Time the enforcement gate where there are the most cases and records."""
    _, seeded = fill_most(chosen, store)
    found = gate.measure(store, seeded, chosen.rounds)
    asked = ", ".join(f"{state} {count:,}" for state, count in found.states.most_common())
    show(
        f"{store.version}: enforcement gate, one connection, one server process; "
        f"answers: {asked}; {describe_machine()}",
        ("", "requests", "p50 ms", "p95 ms", "CPU ms", "p95 may be"),
        [
            (name, one.count, f"{one.p50:.1f}", f"{one.p95:.1f}", f"{one.cpu:.1f}", limit)
            for name, limit in gate.LIMITS.items()
            for one in [middle(found.timings[name])]
        ],
    )
    for name, limit in gate.LIMITS.items():
        p95 = middle(found.timings[name]).p95
        made.judge(f"{store.kind}: p95 of the gate, {name}", p95, limit, " ms")
    return asdict(found)


def show_waits(title: str, found: waits.Found) -> None:
    show(
        f"{title}; {describe_machine()}",
        ("", "p50 ms", "p95 ms", "CPU ms", "p95 may be"),
        [
            (name, f"{one.p50:.1f}", f"{one.p95:.1f}", f"{one.cpu:.1f}", found.limits[name])
            for name, one in found.timings.items()
        ],
    )
    show(
        "Pages with all that they load, gzipped",
        ("", "KB", "requests off the site"),
        [
            (name, f"{size / 1000:.1f}", ", ".join(others) or "none")
            for name, (size, others) in found.weights.items()
        ],
    )
    show(
        "A journey of the subject", ("", "ms"), [(name, f"{ms:.0f}") for name, ms in found.journey]
    )


def judge_waits(kind: str, found: waits.Found, made: Report) -> None:
    for name, one in found.timings.items():
        made.judge(f"{kind}: p95 of {name}, one browser", one.p95, found.limits[name], " ms")
    heaviest = max(size for size, _ in found.weights.values()) / 1000
    made.judge(f"{kind}: the heaviest page, gzipped", heaviest, report.PAGE_KB, " KB")
    strangers = sum(len(others) for _, others in found.weights.values())
    made.judge(f"{kind}: requests off the site", strangers, 0, "")
    longest = max(ms for _, ms in found.journey)
    made.judge(f"{kind}: longest wait of a journey", longest, report.LONGEST_WAIT_MS, " ms")


# --- scale ------------------------------------------------------------------------------------


def measure_scale(
    chosen: argparse.Namespace, folder: Path, uri: str | None, made: Report
) -> dict[str, object]:
    """Measure a small and a large store in one run; show by how much the large one is slower."""
    few, many = scale.sizes_of(chosen.scale)
    with ExitStack() as stack:
        stores = {
            size: stack.enter_context(stage("postgresql", folder / f"scale-{size}", uri))
            for size in (few, many)
        }
        found = scale.measure(stores, chosen.workers, chosen.seconds, chosen.rounds, scale.IMPORTED)
        title = f"{stores[many].version}, one browser, {chosen.workers} workers"
    small, large = found[few], found[many]
    show(
        f"{title}: p95 in ms; {describe_machine()}",
        ("", f"{few:,} records", f"{many:,} records", "ratio", "CPU ms", "CPU ms"),
        [
            (
                name,
                f"{scale.p95(small, name):.1f}",
                f"{scale.p95(large, name):.1f}",
                f"x{scale.growth(small, large, name):.2f}",
                f"{median(one.cpu for one in small.timings[name]):.1f}",
                f"{median(one.cpu for one in large.timings[name]):.1f}",
            )
            for name in large.timings
        ],
    )
    show(
        "What the stores hold, and an import into each",
        ("records", "cases", "events", "filled in s", "rows a second"),
        [
            (
                f"{one.records:,}",
                f"{one.cases:,}",
                f"{one.events:,}",
                f"{one.seconds:.0f}",
                f"{one.imported:,.0f}",
            )
            for one in (small, large)
        ],
    )
    for name in large.timings:
        growth_of = scale.growth(small, large, name)
        made.judge(f"scale: p95 of {name}: growth", growth_of, report.MOST_GROWTH, "x")
    made.judge(f"scale: {scale.GATE['one']}", scale.p95(large, scale.GATE["one"]), 10, " ms")
    made.judge(f"scale: {scale.BATCH}", scale.p95(large, scale.BATCH), 150, " ms")
    made.judge("scale: seconds for 5,000 imported rows", 5000 / large.imported, 1, " s")
    return {str(size): asdict(one) for size, one in found.items()}


# --- many people ------------------------------------------------------------------------------


def measure_soak(chosen: argparse.Namespace, folder: Path, uri: str | None, made: Report) -> None:
    """Let many people work for long, then too many; show how it went."""
    with stage("postgresql", folder / f"soak-{soak.CASES}", uri) as store:
        seeded = soak.fill(store)
        result = soak.run(store, seeded, chosen.workers, chosen.soak, chosen.sessions)
        title = f"{store.version}, {chosen.workers} workers, {describe_machine()}"
    alone, together, crowd = result.alone, result.together, result.crowd
    show(
        f"{title}: p95 in ms, one person and {result.sessions} for {result.minutes:g} minutes",
        ("", "alone", "together", "ratio", "requests"),
        [
            (
                kind,
                f"{alone.p95(kind):.0f}",
                f"{together.p95(kind):.0f}",
                f"x{together.p95(kind) / (alone.p95(kind) or math.nan):.2f}",
                len(together.seconds[kind]),
            )
            for kind in sorted(together.seconds)
        ],
    )
    rate = together.count / (60 * result.minutes)
    print(f"\n{rate:.1f} requests a second; {len(together.refused)} refused; errors: ", end="")
    print(*(together.errors[:5] or ["none"]), sep="\n  ")
    memory = [f"{mb:.0f}" for _, mb in together.memory[:: max(1, len(together.memory) // 10)]]
    print(f"memory of the web processes, MB: {', '.join(memory)}")
    refused = [1000 * one for one in crowd.refused]
    took = [one for some in crowd.seconds.values() for one in some]
    print(
        f"{soak.CROWD} without a pause: {crowd.count} served (p50 {median(took or [0]):.1f} s,"
        f" longest {max(took, default=0):.1f} s), {len(refused)} refused (after"
        f" {median(refused or [0]) / 1000:.1f} s), {len(crowd.errors)} errors"
        f" {crowd.errors[:3]}; as before after {result.recovered:.1f} s"
    )
    soak.judge(result, made.judge)


# --- search -----------------------------------------------------------------------------------


def measure_search(
    chosen: argparse.Namespace, empty: Stage, made: Report
) -> dict[str, dict[str, object]]:
    """Search many records, one browser at a time."""
    with empty.app.app_context():
        names.fill(chosen.records)
        db.session.remove()
    timings = names.measure(empty, chosen.records, chosen.workers, 1, chosen.seconds, chosen.rounds)
    show(
        f"{empty.version}: public search among {chosen.records:,} records",
        ("", "req/s", "p50 ms", "p95 ms"),
        [
            (kind, f"{one.rate:.0f}", f"{one.p50:.1f}", f"{one.p95:.1f}")
            for kind, one in timings.items()
        ],
    )
    for kind in report.SEARCHED:
        target = f"{empty.kind}: p95 of a search by {kind}, {chosen.records:,} records"
        made.judge(target, timings[kind].p95, report.SEARCH_MS, " ms")
    return {kind: asdict(one) for kind, one in timings.items()}


# --- start ------------------------------------------------------------------------------------


def measure_start(kind: str, folder: Path, uri: str | None, made: Report) -> dict[str, object]:
    """Start a deployment with its demonstration data, then again, three times."""
    data = folder / f"{kind}-start"
    url = server.make_database(uri, f"{kind}_start") if uri else None
    env = server.environment(data, url)
    first = server.time_start(env, "--data", str(data))
    again = [server.time_start(env, "--data", str(data)) for _ in range(3)]
    show(
        f"{kind}: manage.py up until /healthz answers",
        ("", "seconds"),
        [
            ("first, demonstration data made", f"{first:.2f}"),
            *(("again", f"{one:.2f}") for one in again),
        ],
    )
    made.judge(f"{kind}: second start", sorted(again)[1], report.START_SECONDS, " s")
    return {"first": first, "again": again}


if __name__ == "__main__":
    sys.exit(main())
