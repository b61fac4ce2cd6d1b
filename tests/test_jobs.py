"""Durable jobs: with the caller's transaction or not at all, once, whatever is killed when."""

import os
import select as readiness
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import inspect, select, text

from config import ROOT
from repair_app import jobs, schema
from repair_app.db import db, now, writing
from repair_app.models import Deadline, Event
from repair_app.schema import NOT_MODELLED
from repair_app.services.transaction import transaction
from tests.factories import make_case

PATIENCE = 40  # seconds: a test that waits longer for a line has failed

# A worker of its own process, with jobs that tell what they do. With "hold" a job stops in the
# middle of its transaction, until it is killed or a line comes.
PROGRAM = """
import os, signal, sys, threading
from config import TestConfig
from repair_app import create_app, jobs
from repair_app.db import db
from repair_app.engine import machine
from repair_app.services import timers

mode, moment = sys.argv[1], sys.argv[2]

def tell(line):
    os.write(1, f"{line}\\n".encode())  # whole, whichever thread tells

def greet(number):
    tell(f"greet {number}")

def hold(number):
    tell(f"begun {number}")
    if mode == "hold":
        sys.stdin.readline()
    tell(f"done {number}")

def escalate():
    from datetime import datetime
    fire, count = machine.fire, []

    def fire_and_hold(*given, **more):
        fire(*given, **more)
        count.append(1)
        if mode == "hold" and len(count) == 2:
            tell("in the middle")
            sys.stdin.readline()

    machine.fire = fire_and_hold
    try:
        tell(f"escalated {timers.escalate(datetime.fromisoformat(moment))}")
    finally:
        machine.fire = fire

def fail():
    raise RuntimeError("a fault of the test")

app = create_app(TestConfig())
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
jobs.TRIES = 1
rounds = [jobs.Schedule("tick", "0 0 1 1 *")] if mode == "round" else []
with app.app_context():
    jobs.work(
        db.engine,
        app.app_context,
        {"greet": greet, "hold": hold, "escalate": escalate, "fail": fail,
         **({"tick": lambda: tell("ticked")} if rounds else {})},
        rounds,
        stop=stop,
        tell=tell,
        poll=0.1,
    )
"""


class Worker:
    """A worker's process and what it said so far."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.rest = b""

    def wait_for(self, line):
        """Read until this line comes; fail when it does not."""
        end = time.monotonic() + PATIENCE
        while line not in self.lines:
            left = end - time.monotonic()
            ready, _, _ = readiness.select([self.process.stdout], [], [], max(left, 0))
            read = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert read, f"no {line!r} among {self.lines}"
            *lines, self.rest = (self.rest + read).split(b"\n")
            self.lines += [one.decode() for one in lines]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self):
        self.process.terminate()
        self.wait_for("stopped")
        assert self.process.wait(PATIENCE) == 0


@pytest.fixture
def hire(app, store):
    """Give a function that starts a worker on the store; each is ended at the end."""
    store.spoil()
    jobs.make_tables(db.engine)
    started = []
    env = {
        **os.environ,
        "REDRESS_DATA": str(app.config["DATA_FOLDER"]),
        "DATABASE_URL": store.url,
        "PYTHONPATH": str(ROOT),
    }

    def start(mode="plain", moment="-"):
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, mode, moment],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        return Worker(process)

    yield start
    for one in started:
        one.kill()
        one.wait(PATIENCE)
        one.stdin.close()
        one.stdout.close()
    jobs.client_of.cache_clear()


def ask(name, key, **ids):
    with transaction() as session:
        jobs.enqueue(session, name, key, **ids)


def ask_in_vain(name, key, **ids):
    with transaction() as session:
        jobs.enqueue(session, name, key, **ids)
        raise LookupError("the caller changes its mind")


# --- with the caller's transaction ------------------------------------------------------------


def test_a_job_runs_if_and_only_if_its_transaction_was_committed(hire):
    with pytest.raises(LookupError):
        ask_in_vain("greet", "never", number=1)
    with transaction() as session:
        jobs.enqueue(session, "greet", "once", number=2)
        jobs.enqueue(session, "greet", "once", number=3)  # the same occasion
    ask("greet", "once", number=4)
    ask("greet", "last", number=5)
    worker = hire("round")
    worker.wait_for("greet 2")
    worker.wait_for("greet 5")
    worker.wait_for("ticked")
    worker.kill()
    assert sorted(one for one in worker.lines if one.startswith("greet")) == ["greet 2", "greet 5"]
    ask("greet", "once", number=6)  # long done
    ask("greet", "more", number=7)
    second = hire()
    second.wait_for("greet 7")
    second.kill()
    assert "greet 6" not in second.lines
    assert_only_plain_json_is_kept()


def assert_only_plain_json_is_kept():
    """Not pickle, which the engine would use of itself: reading it can run code."""
    schema = "" if db.engine.dialect.name == "sqlite" else f"{jobs.SCHEMA}."
    seen = set()
    for table, column in (
        ("workflow_status", "inputs"),
        ("workflow_input", "inputs"),
        ("workflow_status", "output"),
        ("workflow_output", "output"),
        ("workflow_schedules", "context"),
    ):
        found = [one for one in read(f"SELECT {column} FROM {schema}{table}") if one]
        assert not [one for one in found if one[0] not in '[{"n']
        seen |= {table} if found else set()
    assert {"workflow_input", "workflow_schedules"} <= seen


def test_a_job_is_asked_for_only_where_something_is_written(hire):
    """A reading transaction cannot: the database refuses."""
    session = db.session()
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        jobs.enqueue(session, "greet", "read", number=1)
    session.rollback()


# --- whatever is killed -----------------------------------------------------------------------


def test_a_sweep_killed_in_the_middle_of_a_transaction_is_finished_once(world, hire):
    made = [make_case(world, "accepted").ref for _ in range(3)]
    db.session.rollback()
    last = db.session.scalars(select(Deadline.due_on).where(Deadline.entity_ref.in_(made))).all()
    moment = now().replace(hour=4) + (max(last) - now().date()) + timedelta(days=1)
    db.session.remove()
    ask("escalate", "today")
    killed = hire("hold", moment.isoformat())
    killed.wait_for("in the middle")
    killed.kill()
    assert count_escalations() == 1  # the first; what was in the middle never was
    worker = hire("plain", moment.isoformat())
    worker.wait_for("escalated 2")
    worker.kill()
    assert count_escalations() == 3
    db.session.rollback()
    terms = select(Deadline.entity_ref).where(Deadline.escalated_at.is_not(None))
    assert sorted(db.session.scalars(terms)) == sorted(made)


def count_escalations():
    db.session.rollback()
    found = db.session.scalars(select(Event.payload)).all()
    return sum('"transition":"escalate"' in one for one in found)


# --- two workers ------------------------------------------------------------------------------


def test_a_second_worker_stands_by_and_takes_over_when_the_first_is_killed(app, hire):
    first = hire("hold")
    first.wait_for("at work")
    second = hire()
    second.wait_for("standing by: another worker is active")
    ask("greet", "a", number=1)
    first.wait_for("greet 1")
    until(lambda: is_done("greet:a"))
    ask("hold", "b", number=2)
    first.wait_for("begun 2")
    assert jobs.read_status(db.engine).active
    first.kill()
    second.wait_for("at work")
    second.wait_for("done 2")
    second.kill()
    assert "greet 1" not in second.lines
    assert not jobs.read_status(db.engine).active


def test_what_comes_round_runs_at_each_start_in_place_of_what_was_missed(hire):
    first = hire("round")
    first.wait_for("ticked")
    first.kill()
    second = hire("round")
    second.wait_for("ticked")
    second.stop()
    assert rounds() == ["forget", "tick"]
    later = hire()  # of a release that knows nothing of it
    later.wait_for("at work")
    later.kill()
    assert rounds() == ["forget"]


def rounds():
    return sorted(name for name, *_ in jobs.read_status(db.engine).rounds)


# --- what the engine keeps --------------------------------------------------------------------


def test_a_job_that_failed_is_named_by_the_status(app, hire):
    ask("fail", "a")
    ask("greet", "a", number=1)
    worker = hire()
    worker.wait_for("greet 1")
    until(lambda: jobs.read_status(db.engine).failed)
    worker.kill()
    failed = jobs.read_status(db.engine).failed
    assert len(failed) == 1
    assert failed[0].startswith("fail: ")
    assert "a fault of the test" in failed[0]
    result = app.test_cli_runner().invoke(args=["jobs", "status"])
    assert result.exit_code == 0, result.output
    assert "worker: none" in result.output
    assert "a fault of the test" in result.output


def test_finished_jobs_are_forgotten_after_a_while(hire, monkeypatch):
    ask("greet", "a", number=1)
    worker = hire()
    worker.wait_for("greet 1")
    until(lambda: is_done("greet:a"))
    worker.kill()
    schema = "" if db.engine.dialect.name == "sqlite" else f"{jobs.SCHEMA}."
    ago = int((now() - timedelta(days=jobs.KEPT_DAYS + 1)).timestamp() * 1000)
    with writing(), db.engine.begin() as connection:
        connection.execute(
            text(
                f"UPDATE {schema}workflow_status SET completed_at = :ago"
                " WHERE workflow_uuid = 'greet:a'"
            ),
            {"ago": ago},
        )
    ask("greet", "b", number=2)
    worker = hire()
    worker.wait_for("greet 2")
    names = "SELECT workflow_uuid FROM " + schema + "workflow_status"
    until(lambda: "greet:a" not in read(names))
    worker.kill()
    assert "greet:b" in read(names)


def is_done(key):
    schema = "" if db.engine.dialect.name == "sqlite" else f"{jobs.SCHEMA}."
    query = f"SELECT status FROM {schema}workflow_status WHERE workflow_uuid = '{key}'"
    return read(query) == ["SUCCESS"]


def until(condition):
    """Wait until something is so; fail when it does not come to be."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        readiness.select([], [], [], 0.05)


def read(query):
    with db.engine.connect() as connection:
        return connection.execute(text(query)).scalars().all()


def test_migrations_leave_the_tables_of_the_engine_alone(app, hire):
    result = app.test_cli_runner().invoke(args=["db", "check"])
    assert result.exit_code == 0, result.output


def test_without_being_told_a_migration_would_drop_them(app, hire, monkeypatch):
    if db.engine.dialect.name == "sqlite":  # elsewhere they have a schema of their own
        monkeypatch.delitem(app.extensions["migrate"].configure_args, "include_name")
        assert app.test_cli_runner().invoke(args=["db", "check"]).exit_code != 0


def test_the_tables_of_the_engine_are_known_by_name_and_none_is_ours(app, store, hire):
    assert not jobs.TABLES & set(db.metadata.tables)
    if store.name == "sqlite":
        others = set(inspect(db.engine).get_table_names()) - set(db.metadata.tables) - NOT_MODELLED
        assert others == {*jobs.TABLES, "alembic_version"}


def test_the_status_without_tables_says_what_to_do(app, store):
    store.spoil()
    if store.name == "postgresql":
        with writing(), db.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA IF EXISTS dbos CASCADE"))
    result = app.test_cli_runner().invoke(args=["jobs", "status"])
    assert result.exit_code == 1
    assert "flask prepare" in result.output


# --- beside the server ------------------------------------------------------------------------

TOLD = "import sys, time\nprint(sys.argv[1], flush=True)\n"


def run_together(server, worker, tmp_path):
    """Run two small programs as `manage.py up` runs the server and the worker."""
    code = (
        "import sys, manage; manage.HEAD_START, manage.RESTART = 0, 0\n"
        "commands = [[sys.executable, '-c', one, name]"
        " for one, name in zip(sys.argv[1:], ('server', 'worker'))]\n"
        "sys.exit(manage.run_together(*commands, {}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, TOLD + server, TOLD + worker],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return Worker(process)


@contextmanager
def ended(worker):
    try:
        yield worker
    finally:
        worker.process.kill()
        worker.process.wait(PATIENCE)
        worker.process.stdout.close()


WAITS = "time.sleep(600)"
LEAVES_WORD = (
    "import signal\n"
    "signal.signal(signal.SIGTERM, lambda *_: (print(sys.argv[1], 'ended', flush=True), exit(0)))\n"
    "print(sys.argv[1], 'waits', flush=True)\n"
    "time.sleep(600)"
)


def test_server_and_worker_are_stopped_together_by_one_signal(tmp_path):
    with ended(run_together(LEAVES_WORD, LEAVES_WORD, tmp_path)) as both:
        both.wait_for("server waits")
        both.wait_for("worker waits")
        both.process.terminate()
        both.wait_for("server ended")
        both.wait_for("worker ended")
        assert both.process.wait(PATIENCE) == 0


def test_the_worker_ends_with_the_server_whose_exit_code_is_told(tmp_path):
    server = "sys.stdin.read() if 0 else time.sleep(1)\nsys.exit(7)"
    with ended(run_together(server, LEAVES_WORD, tmp_path)) as both:
        both.wait_for("worker ended")
        assert both.process.wait(PATIENCE) == 7


def test_a_worker_that_died_is_started_again(tmp_path):
    mark = tmp_path / "was here"
    worker = (
        f"from pathlib import Path\nmark = Path({str(mark)!r})\n"
        "if not mark.exists():\n    mark.touch()\n    sys.exit(1)\n"
        "print('back again', flush=True)\ntime.sleep(600)"
    )
    with ended(run_together(WAITS, worker, tmp_path)) as both:
        both.wait_for("back again")
        both.process.terminate()
        both.process.wait(PATIENCE)


def test_the_command_starts_a_worker_and_stops_it(tmp_path):
    code = (
        "import sys, manage; manage.make_ready = lambda lock_file: None\n"
        "sys.exit(manage.main(sys.argv[1:]))"
    )
    port = free_port()
    arguments = ["up", "--port", str(port), "--data", str(tmp_path), "--empty", "--workers", "1"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("DATABASE_URL", None)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with ended(Worker(process)) as served:
        served.wait_for("worker: at work")
        process.terminate()
        served.wait_for("worker: stopped")
        assert process.wait(PATIENCE) == 0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_worker_refuses_a_store_that_is_behind(app, store):
    store.spoil()
    with writing(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    result = app.test_cli_runner().invoke(args=["jobs", "work"])
    assert result.exit_code == 1
    assert "flask prepare" in result.output


def test_a_worker_runs_on_a_store_that_a_later_release_has_migrated(app, monkeypatch):
    """While nodes change over, one after the other, the earlier worker may have to start again."""
    started = []
    monkeypatch.setattr(jobs, "work", lambda *given, **more: started.append(given))
    monkeypatch.setattr("repair_app.cli.jobs.StopSignal", lambda parent: None)
    later = f"{int(schema.last_revision()) + 1:04d}"
    monkeypatch.setattr(schema, "read_revision", lambda: later)
    result = app.test_cli_runner().invoke(args=["jobs", "work"])
    assert result.exit_code == 0, result.output
    assert len(started) == 1


def test_a_worker_whose_lock_the_database_dropped_ends(store, hire):
    if store.name == "sqlite":
        return  # the lock of a file goes with its process only
    worker = hire()
    worker.wait_for("at work")
    with db.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND objid = (CAST(:key AS bigint) & 4294967295)::oid"
            ),
            {"key": jobs.LOCK},
        )
    assert worker.process.wait(PATIENCE) == 1
    assert "stopped" not in worker.lines
