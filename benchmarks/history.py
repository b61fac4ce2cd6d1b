"""Times the tree over all events: what it costs who writes, how fast it catches up, is verified."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from sqlalchemy import select, text

from benchmarks.report import Report, Verdict, show
from benchmarks.stage import Stage
from repair_app import ledger
from repair_app.db import db, insert_rows, now, writing
from repair_app.engine.step import SYSTEM
from repair_app.models import Event, Stream, TreeCheckpoint, TreeLeaf
from repair_app.services.transaction import transaction
from repair_app.services.tree import log, proving

AT_ONCE = 5_000  # events of one import's transaction
ALONE = 1_000  # transactions of one event each, one after the other
WRITERS = 8
ROUND = 250  # transactions of each writer
ROUNDS = 3  # with and without, in turn
WATCHED = 45.0  # seconds in which the lag of checkpoints is looked at
EVERY = 10.0  # seconds: as the worker's timer
LIMITS = {"catch up": 30.0, "verify": 5.0, "lag": 15.0}  # seconds
CPU_SHARE, THROUGHPUT_SHARE = 0.05, 0.30
TRANSITION_CPU_MS = 10.0  # of the cheapest transition, see docs/performance.md

# The trigger alone, which is all that the tree costs who writes.
OFF = {
    "sqlite": "DROP TRIGGER event_pending",
    "postgresql": "ALTER TABLE event DISABLE TRIGGER event_pending",
}
ON = {
    "sqlite": "CREATE TRIGGER event_pending AFTER INSERT ON event"
    " BEGIN INSERT INTO pending_leaf (event_id) VALUES (NEW.id); END",
    "postgresql": "ALTER TABLE event ENABLE TRIGGER event_pending",
}


def measure(store: Stage, events: int, made: Report) -> dict[str, float]:
    """Measure all of it on an empty store."""
    found: dict[str, float] = {}
    with store.app.app_context():
        found["import, s"] = lap(lambda: import_events("a", events))[0]
        found["catch up, s"], found["catch up, CPU s"] = lap(lambda: log.sequence(now()))
        found["verify tree, s"], found["verify tree, CPU s"] = lap(check_tree)
        found["verify chains, s"], _ = lap(check_chains)
        found |= measure_writers(store)
        found |= measure_lag(store)
        db.session.remove()
    show(
        f"{store.version}: the tree over {events:,} events",
        ("", "measured"),
        [(name, f"{figure:,.3f}") for name, figure in found.items()],
    )
    made.verdicts += judge(store.kind, events, found)
    return found


def judge(kind: str, events: int, found: dict[str, float]) -> Iterator[Verdict]:
    """Yield the targets."""
    both = found["verify tree, s"] + found["verify chains, s"]
    for what, figure, limit in (
        (f"a backlog of {events:,} events is caught up with", found["catch up, s"], "catch up"),
        (f"{events:,} events are verified, chains and tree", both, "verify"),
        ("p99 from event to checkpoint", found["lag p99, s"], "lag"),
    ):
        most = LIMITS[limit]
        target = f"{kind}: {what} within {most:g} s"
        yield Verdict(target, f"{figure:.2f} s", figure <= most)
    share = found["CPU more, ms"] / TRANSITION_CPU_MS
    target = (
        f"{kind}: at most {CPU_SHARE:.0%} more CPU for a transition of {TRANSITION_CPU_MS:g} ms"
    )
    yield Verdict(target, f"{share:.1%}", share <= CPU_SHARE)
    less = 1 - found["writers with, tx/s"] / found["writers without, tx/s"]
    target = f"{kind}: {WRITERS} writers are at most {THROUGHPUT_SHARE:.0%} slower"
    yield Verdict(target, f"{less:.1%}", less <= THROUGHPUT_SHARE)


def lap(act: Callable[[], object]) -> tuple[float, float]:
    """Return how long something takes: on the clock, and of this process's CPU."""
    since, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - since, time.process_time() - cpu


def check_tree() -> None:
    db.session.rollback()
    assert proving.find_flaw(db.session()) is None


def check_chains() -> None:
    assert ledger.verify(db.session())[1] is None


def content_of(ref: str) -> dict[str, object]:
    """Return the content of an event as large as they are."""
    return ledger.describe(
        entity=ref,
        workflow="operations",
        workflow_version="1",
        transition="forget",
        source="",
        target="",
        actor=SYSTEM.as_dict(),
        at=now(),
        basis=["REDRESS 系统运行"],
        rule_pack="SD-2019",
        facts={"of": "a fact that is about as long as facts are", "number": 12345},
        evidence=["0" * 64],
    )


def import_events(prefix: str, count: int) -> None:
    """Write events as an import does."""
    for first in range(0, count, AT_ONCE):
        at = now()
        refs = [f"{prefix}-{number}" for number in range(first, min(first + AT_ONCE, count))]
        contents = [{**content_of(one), "at": ledger.moment(at)} for one in refs]
        streams, events = ledger.first_entries(refs, contents, at)
        with transaction() as session:
            insert_rows(session, Stream, streams)
            insert_rows(session, Event, events)


def append(ref: str) -> None:
    """Write one event in a transaction of its own, as a transition does."""
    with transaction() as session:
        at = now()
        content = {**content_of(ref), "at": ledger.moment(at)}
        ledger.append(session, ref, content, {}, at=at)


@contextmanager
def without_tree(kind: str) -> Iterator[None]:
    """Have no event wait for a place inside."""
    switch(OFF[kind])
    try:
        yield
    finally:
        switch(ON[kind])


def switch(statement: str) -> None:
    db.session.remove()
    with writing(), db.engine.begin() as connection:
        connection.execute(text(statement))


def measure_writers(store: Stage) -> dict[str, float]:
    """Compare transactions of one event with and without the trigger, in turn."""
    alone: dict[bool, list[float]] = {True: [], False: []}
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(ROUNDS):
        for has_tree in (True, False) if number % 2 else (False, True):
            if has_tree:
                alone[True].append(write_alone(f"t{number}"))
                rates[True].append(write_together(store, f"w{number}"))
            else:
                with without_tree(store.kind):
                    alone[False].append(write_alone(f"f{number}"))
                    rates[False].append(write_together(store, f"x{number}"))
    with_it, without = median(alone[True]), median(alone[False])
    return {
        "transaction with, ms": with_it,
        "transaction without, ms": without,
        "CPU more, ms": max(with_it - without, 0.0),
        "writers with, tx/s": median(rates[True]),
        "writers without, tx/s": median(rates[False]),
    }


def write_alone(ref: str) -> float:
    """Return the milliseconds of one transaction, the database's part of it too (on the clock)."""
    append(ref)
    took = []
    for _ in range(ALONE):
        since = time.perf_counter()
        append(ref)
        took.append(time.perf_counter() - since)
    return 1000 * median(took)


def write_together(store: Stage, prefix: str, until: float | None = None) -> float:
    """Return how many transactions a second several writers get done."""

    def write(number: int) -> None:
        with store.app.app_context():
            done = 0
            while time.monotonic() < until if until else done < ROUND:
                append(f"{prefix}-{number}")
                done += 1
            total.append(done)
            db.session.remove()

    total: list[int] = []
    since = time.perf_counter()
    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sum(total) / (time.perf_counter() - since)


def measure_lag(store: Stage) -> dict[str, float]:
    """Return how long events wait for a checkpoint while several write and one sequences."""
    log.sequence(now())
    first = log.signed_size(db.session())
    db.session.remove()
    end = time.monotonic() + WATCHED

    def sequence() -> None:
        with store.app.app_context():
            while time.monotonic() < end + EVERY:
                time.sleep(EVERY)
                log.sequence(now())
            db.session.remove()

    sequencer = threading.Thread(target=sequence)
    sequencer.start()
    rate = write_together(store, "lag", end)
    sequencer.join()
    signed = db.session.execute(
        select(TreeCheckpoint.size, TreeCheckpoint.at)
        .where(TreeCheckpoint.size > first)
        .order_by(TreeCheckpoint.size)
    ).all()
    sizes = [one.size for one in signed]
    written = db.session.execute(
        select(TreeLeaf.position, Event.at)
        .join(Event, Event.id == TreeLeaf.event_id)
        .where(TreeLeaf.position >= first)
    )
    lags = sorted(
        (signed[bisect.bisect_right(sizes, row.position)].at - row.at).total_seconds()
        for row in written
    )
    return {"writing, tx/s": rate, "lag p99, s": lags[int(0.99 * len(lags))]}
