"""What an operator does with a running cluster: look at it, make the replica the primary."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import psutil
import psycopg

from deploy.cluster.plan import Plan
from deploy.cluster.postgresql import Server

LONGEST = 10  # seconds that a process gets to end


class Refused(Exception):
    """The command would do harm; its text says which, and what to do."""


def read_processes(plan: Plan) -> dict[str, int]:
    """Return the process ids of the parts that were started last, by name."""
    try:
        known = json.loads((plan.folder / "processes.json").read_text())
    except FileNotFoundError:
        return {}
    return {name: one["pid"] for name, one in known.items()}


def is_running(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not fetched does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    """Kill a process and all that it started, as a machine that loses its power would."""
    try:
        one = psutil.Process(pid)
        family = [one, *one.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=LONGEST)


def promote(plan: Plan, *, force: bool = False) -> None:
    """Make the replica the primary; the old one is stopped first. Raises Refused.

    Web nodes and workers find the new primary by themselves: their address names both servers and
    asks for the one that takes writes.
    """
    primary, replica = plan.servers.values()
    if not (plan.in_step or force):
        raise Refused(
            f"{replica.name} was not in step with {primary.name}: what was confirmed may be missing"
            " there. Start the old primary again if you can, or say --force."
        )
    try:  # before the primary is stopped, or there would be none
        replica.ask("SELECT true")
    except psycopg.OperationalError:
        raise Refused(f"{replica.name} does not answer. Start it first.") from None
    fence(plan, primary)
    replica.promote()
    plan.primary, plan.in_step = replica.name, False
    plan.keep()
    print(f"{replica.name} is the primary. {primary.name} becomes its replica at the next start.")


def fence(plan: Plan, primary: Server) -> None:
    """Make sure that the old primary takes no more writes: two primaries would part for good."""
    pid = read_processes(plan).get(primary.name)
    if pid is None or not is_running(pid):
        return
    psutil.Process(pid).send_signal(signal.SIGINT)  # "fast": what is under way is rolled back
    end = time.monotonic() + LONGEST
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.1)
    if is_running(pid):
        kill(pid)


def tell_status(plan: Plan) -> None:
    """Say what runs and how far the replica is."""
    for name, pid in read_processes(plan).items():
        state = f"pid {pid}" if is_running(pid) else "ended"
        print(f"{name:9} {plan.address_of(name) or '-':16} {state}")
    for line in describe_replication(plan):
        print(line)


def describe_replication(plan: Plan) -> Iterator[str]:
    """Yield a line for the primary and one for each replica that follows it."""
    primary = next(iter(plan.servers.values()))
    yield f"primary: {primary.name}"
    try:
        with primary.connect() as connection:
            rows = connection.execute(
                "SELECT application_name, state, sync_state,"
                " pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication"
            ).fetchall()
    except psycopg.OperationalError as error:
        yield f"the primary does not answer: {str(error).splitlines()[0]}"
        return
    for name, state, kind, behind in rows:
        yield f"replica: {name}, {state}, {kind}, {behind} bytes behind"
    if not rows:
        yield "replica: none follows"
