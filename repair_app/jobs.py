"""Durable jobs: the only module that knows the job engine (DBOS).

The engine's tables lie in the store itself (on PostgreSQL in the schema `dbos`), so that a job is
committed, or rolled back, together with what asked for it. Only a worker's process runs the
engine; a web process loads it when it first asks for a job.

A job may be begun more than once, after a crash: it must be one transaction that looks whether it
is still needed, and it is given identifiers only, never an entity and nothing personal.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from repair_app import logs
from repair_app.db import now

if TYPE_CHECKING:
    from dbos import DBOSClient, DBOSConfig, ScheduleInput

QUEUE: Final = "jobs"
SCHEMA: Final = "dbos"  # on PostgreSQL
ZONE: Final = "Asia/Shanghai"  # in which schedules are written
# Work left behind is taken up only by a worker of the same name and version: both are fixed.
NAME: Final = "redress"
VERSION: Final = "1"
WORKER: Final = "worker"
LOCK: Final = 0x7265_6472_6573_7321  # "redress!": the advisory lock of the active worker
# Who holds that lock, as PostgreSQL lists it: a number of 64 bits in two halves.
HOLDER: Final = """
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32) + objid::bigint = :key
"""
TRIES: Final = 5  # with pauses of 1, 2, 4 and 8 seconds
KEPT_DAYS: Final = 30  # finished jobs are forgotten after this
AT_ONCE: Final = 8  # jobs, in threads of the one worker
PAGE: Final = 500  # jobs forgotten in one go
SHOWN: Final = 20  # failures told

# Lie in the same SQLite file as our own; migrations leave them alone.
TABLES: Final = frozenset(
    {
        "application_versions",
        "dbos_migrations",
        "notifications",
        "operation_outputs",
        "queues",
        "streams",
        "workflow_events",
        "workflow_events_history",
        "workflow_input",
        "workflow_output",
        "workflow_schedules",
        "workflow_status",
    }
)

Job = Callable[..., object]
InContext = Callable[[], AbstractContextManager[Any]]


class Schedule(NamedTuple):
    """A job that comes round: its name and when (five cron fields, in Asia/Shanghai)."""

    name: str
    cron: str


class Signal(Protocol):
    """That it is time to stop, such as a threading.Event."""

    def wait(self, timeout: float) -> bool:
        """Wait for it at most so many seconds; say whether it has come."""


class LostLock(Exception):
    """Another worker may have become the active one meanwhile: this one must end."""


class JobFailed(Exception):
    """A job failed as often as it was tried; says how it did the last time."""


# --- Asking for a job ---


def enqueue(session: Session, name: str, key: str, **ids: int | str) -> None:
    """Have a job run once after the session's transaction was committed; never if it is not.

    key: what makes this occasion one; asked for again under the same key, a job does not run again.
    ids: what the job is called with.
    """
    engine = session.get_bind()
    if not isinstance(engine, Engine):
        raise TypeError("a job is asked for in a session that is bound to an engine")
    client_of(engine).enqueue_in_transaction(
        session,
        {"workflow_name": name, "queue_name": QUEUE, "workflow_id": f"{name}:{key}"},
        **ids,
    )


@cache
def client_of(engine: Engine) -> DBOSClient:
    """Return the engine's client, which uses the connections of the application."""
    from dbos import DBOSClient, DBOSPortableJSONSerializer

    quiet()
    return DBOSClient(
        system_database_engine=engine,
        dbos_system_schema=SCHEMA,
        serializer=DBOSPortableJSONSerializer(),
        application_name=NAME,
        lazy=True,
        retry_connection_errors=False,
    )


def quiet() -> None:
    """Let the engine's log name only what went wrong."""
    import logging

    logging.getLogger("dbos").setLevel(logging.WARNING)


# --- The store ---


def has_tables(connection: Connection) -> bool:
    """Say whether the engine's tables are in the store."""
    schema = None if connection.dialect.name == "sqlite" else SCHEMA
    return inspect(connection).has_table("workflow_status", schema=schema)


def make_tables(engine: Engine) -> None:
    """Make the engine's tables if there are none; a worker brings older ones up to date."""
    with engine.connect() as connection:
        if has_tables(connection):
            return
    from dbos import DBOS

    quiet()
    DBOS.migrate(url_of(engine), schema=SCHEMA)


def url_of(engine: Engine) -> str:
    """Return the address of the store, with its password."""
    return engine.url.render_as_string(hide_password=False)


def belongs_to_us(name: str | None, kind: str, _parents: Mapping[str, str | None]) -> bool:
    """Say whether a migration has to mind a table: the engine's own are none of its business."""
    return kind != "table" or name not in TABLES


# --- The worker ---


class Lock(Protocol):
    """Held by the one active worker; it goes with the process, however that ends."""

    def take(self) -> bool:
        """Take the lock, or say that another holds it."""

    def check(self) -> None:
        """Raise LostLock when it may no longer be held."""

    def close(self) -> None:
        """Let go of it."""


class FileLock:
    """The lock of a SQLite file, beside it."""

    def __init__(self, engine: Engine) -> None:
        path = Path(f"{engine.url.database}-worker.lock")
        self.file: IO[bytes] = path.open("ab")

    def take(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def check(self) -> None:
        """Hold it: nobody can take it from a process that lives."""

    def close(self) -> None:
        self.file.close()


class AdvisoryLock:
    """The lock of a PostgreSQL database, held by a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self.connection = engine.connect()

    def take(self) -> bool:
        return bool(self._ask("SELECT pg_try_advisory_lock(:key)", key=LOCK))

    def check(self) -> None:
        self._ask("SELECT 1")

    def close(self) -> None:
        self.connection.invalidate()  # not back to the pool: the lock is the connection's
        self.connection.close()

    def _ask(self, question: str, **values: int) -> Any:
        try:
            answer = self.connection.execute(text(question), values).scalar()
            self.connection.rollback()  # the lock is the session's, not the transaction's
        except DBAPIError as error:
            raise LostLock(str(error.orig)) from error
        return answer


def lock_of(engine: Engine) -> Lock:
    """Return the lock of a store's active worker, not yet taken."""
    return FileLock(engine) if engine.dialect.name == "sqlite" else AdvisoryLock(engine)


def work(
    engine: Engine,
    in_context: InContext,
    jobs: Mapping[str, Job],
    schedules: Iterable[Schedule],
    *,
    stop: Signal,
    tell: Callable[[str], object],
    poll: float = 1.0,
) -> None:
    """Run jobs until told to stop; stand by while another worker is active on this store.

    Only one works at a time: two under one name would each take up what the other is doing, and
    under two names what a dead one left would wait for its return. What comes round is also run
    once at the start, in place of all that was missed.

    in_context: what a job runs in, such as the application's context.
    tell: is given a line for each turn of events. poll: seconds between two looks.
    Raises LostLock when the database has dropped the lock: the worker is to be started anew.
    """
    with closing(lock_of(engine)) as lock:
        waits = False
        while not lock.take():
            if not waits:
                tell("standing by: another worker is active")
            waits = True
            if stop.wait(poll):
                return
        with running_engine(engine, in_context, jobs, schedules, poll):
            tell("at work")
            while not stop.wait(poll):
                lock.check()
        tell("stopped")


@contextmanager
def running_engine(
    engine: Engine,
    in_context: InContext,
    jobs: Mapping[str, Job],
    schedules: Iterable[Schedule],
    poll: float,
) -> Iterator[None]:
    """Run the engine in this process; at the end, give what is under way ten seconds."""
    from dbos import DBOS

    quiet()
    workflows = {
        name: as_workflow(name, job, in_context) for name, job in {**jobs, "forget": forget}.items()
    }
    DBOS(config=config_of(engine))
    DBOS.launch()
    try:
        DBOS.register_queue(QUEUE, worker_concurrency=AT_ONCE, polling_interval_sec=poll)
        rounds = [*schedules, Schedule("forget", "30 3 * * *")]
        DBOS.apply_schedules([as_schedule(one, workflows[one.name]) for one in rounds])
        for name in {one["schedule_name"] for one in DBOS.list_schedules()} - set(workflows):
            DBOS.delete_schedule(name)  # of a former release
        for one in rounds:
            DBOS.trigger_schedule(one.name)
        yield
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=10)


def config_of(engine: Engine) -> DBOSConfig:
    """Return the engine's settings. It gets an address, not our connections: they only read."""
    from dbos import DBOSPortableJSONSerializer

    return {
        "name": NAME,
        "application_version": VERSION,
        "executor_id": WORKER,
        "system_database_url": url_of(engine),
        "dbos_system_schema": SCHEMA,
        "sys_db_pool_size": 2 * AT_ONCE,
        # Not the engine's default, pickle: who can write a row must not be able to run code.
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
    }


def as_workflow(name: str, job: Job, in_context: InContext) -> Callable[..., None]:
    """Return a job as the engine runs it: in its context, again a few times when it fails."""
    from dbos import DBOS
    from dbos import error as reasons

    def do(ids: dict[str, int | str]) -> None:
        with in_context(), logs.job(name, ids):
            job(**ids)

    @DBOS.workflow(name=name)
    def workflow(_scheduled: Any = None, _context: Any = None, **ids: int | str) -> None:
        try:
            DBOS.run_step({"name": name, "retries_allowed": True, "max_attempts": TRIES}, do, ids)
        except reasons.DBOSMaxStepRetriesExceeded as error:
            raise JobFailed(repr(error.errors[-1])) from error.errors[-1]

    return workflow


def as_schedule(schedule: Schedule, workflow: Callable[..., None]) -> ScheduleInput:
    """Return a schedule as the engine wants it. What is missed is not run for each time missed."""
    return {
        "schedule_name": schedule.name,
        "workflow_fn": workflow,
        "schedule": schedule.cron,
        "cron_timezone": ZONE,
        "queue_name": QUEUE,
        "automatic_backfill": False,
    }


def forget() -> None:
    """Delete what the engine remembers of jobs that ended more than KEPT_DAYS ago."""
    from dbos import DBOS

    before = (now() - timedelta(days=KEPT_DAYS)).isoformat()
    while ended := DBOS.list_workflows(
        completed_before=before, limit=PAGE, load_input=False, load_output=False
    ):
        DBOS.delete_workflows([one.workflow_id for one in ended])


# --- Looking ---


class Status(NamedTuple):
    """How the worker is doing: is one active, what waits, what failed, what comes round."""

    active: bool
    waiting: int
    failed: list[str]  # name and reason, the latest first
    rounds: list[tuple[str, str, str | None]]  # name, cron, when it was last due


def find_given_up(engine: Engine, name: str, keys: Collection[str]) -> set[str]:
    """Return the keys of which no job of this name waits, is at work or was done.

    It failed as often as it is tried, or is not known any more: it will not run by itself.
    """
    with engine.connect() as connection:
        if not keys or not has_tables(connection):
            return set()
    found = client_of(engine).list_workflows(
        workflow_ids=[f"{name}:{key}" for key in keys],
        status=["ENQUEUED", "DELAYED", "PENDING", "SUCCESS"],
        load_input=False,
        load_output=False,
    )
    going = {one.workflow_id for one in found}
    return {key for key in keys if f"{name}:{key}" not in going}


class Queue(NamedTuple):
    """What waits: jobs by state, and since when the oldest that is due does."""

    counts: dict[str, float]
    oldest: float | None  # seconds since 1970


def read_queue(connection: Connection) -> Queue:
    """Return what waits. Raises a DBAPIError where the store has no tables for jobs."""
    place = "" if connection.dialect.name == "sqlite" else f"{SCHEMA}."
    table = f"{place}workflow_status"
    found = {"enqueued": 0.0, "pending": 0.0, "delayed": 0.0, "failed": 0.0}
    oldest = None
    # One walk along an index for each: the states are written out, for the indexes are partial.
    for state, condition in (
        ("enqueued", "status = 'ENQUEUED'"),
        ("pending", "status = 'PENDING'"),
        ("delayed", "status = 'DELAYED'"),
        ("failed", "status IN ('ERROR', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED')"),
    ):
        query = f"SELECT count(*), min(created_at) FROM {table} WHERE {condition}"  # noqa: S608  # our words
        count, first = connection.execute(text(query)).one()
        found[state] = float(count)
        if first is not None and state in {"enqueued", "pending"}:
            oldest = min(first / 1000, oldest or first / 1000)
    return Queue(found, oldest)


def has_worker(engine: Engine) -> bool:
    """Say whether a worker is active on the store; looking keeps none from becoming it."""
    if engine.dialect.name == "sqlite":
        return is_file_locked(Path(f"{engine.url.database}-worker.lock"))
    with engine.connect() as connection:
        return connection.execute(text(HOLDER), {"key": LOCK}).scalar() is not None


def is_file_locked(path: Path) -> bool:
    """Say whether a process holds the lock of a file."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def read_status(engine: Engine) -> Status | None:
    """Return how the worker is doing; None where the store has no tables for jobs yet."""
    with engine.connect() as connection:
        if not has_tables(connection):
            return None
    client = client_of(engine)
    waiting = client.list_workflows(
        status=["ENQUEUED", "DELAYED", "PENDING"], load_input=False, load_output=False
    )
    failed = client.list_workflows(status="ERROR", sort_desc=True, limit=SHOWN, load_input=False)
    rounds = [
        (one["schedule_name"], one["schedule"], one["last_fired_at"])
        for one in client.list_schedules()
    ]
    return Status(
        has_worker(engine), len(waiting), [f"{one.name}: {one.error}" for one in failed], rounds
    )
