"""Kills the process at each of ten points of a step, and looks what is left.

While a `Killer` watches, every transaction that takes a step is rehearsed before it is done: a
forked child goes on in the caller's own code, by SIGKILL ends at one of the points, and the parent
compares what is then on file with what was there before, or with all that the step writes. A step
whose commit was reached is asked for once more, by another child: nothing may change any more. At
the end the store is as it was, and the caller goes on as if nothing had happened.
"""

import hashlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import psycopg
import pytest
from flask import Flask, has_request_context
from sqlalchemy import event

from repair_app import ledger
from repair_app.db import RoutedSession, db
from repair_app.engine import machine
from repair_app.services import evidence
from repair_app.services import transaction as transactions

# In the order in which a step passes them. `remembered` is there only where a form was sent.
BEFORE = ("begin", "locked", "guard", "audit", "state", "outbox", "remembered", "pre_commit")
AFTER = ("post_commit", "respond")
POINTS = (*BEFORE, *AFTER)
OWN = ("guard", "audit", "state", "outbox")  # that a step fired by another has for itself
PATIENCE = 60  # seconds after which a child that was not killed is ended
ENDS_WITHIN = 30  # seconds after which the store must have taken back what a killed child had begun
# Takes no step, and writes by threads of a library, which a fork does not take along.
NEVER = ("keep_page",)
# Where jobs and imports note how far they are, in transactions of their own: to be gone on with;
# and where a page notes after its step that what waited for a form was sent with it.
PROGRESS = ("import_batch", "import_row", "record_upload", "kept_answer", "staged_upload")
SEEN_AGAIN = ("finding",)  # notes in its rows when it was seen, and gets no other rows by that
TESTS = Path(__file__).parents[1]


class Step(NamedTuple):
    """One transition that was fired."""

    workflow: str
    transition: str
    source: str
    follows: bool  # fired in the course of another

    @property
    def name(self) -> str:
        return f"{self.workflow}.{self.transition}"


@dataclass
class Report:
    """What a child said before it was killed."""

    passed: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)  # rows by table, as it would commit them
    killed: bool = False

    def __str__(self) -> str:
        return " > ".join(one.name for one in self.steps)


class Unsafe(AssertionError):
    """A kill left something half done, or done twice."""


Content = dict[str, tuple[int, str]]  # by table: how many rows, and a digest of them
Choice = Callable[[Report], list[tuple[str, str]]]  # points to be killed at, and of which step


class Killer:
    """Watches the transactions of this process; see the module."""

    occasions: Counter[tuple[str, ...]] = Counter()  # of all killers of this process

    def __init__(self, files: Any, choose: Choice, most: float = inf) -> None:
        self.files = files
        self.choose = choose
        self.most = most  # rehearsals of one occasion
        self.killed: dict[str, set[str]] = {}  # by step: the points at which it was
        self.kills = 0
        self.order: tuple[str, str] | None = None  # of a child: where it ends
        self.line = -1  # of a child: where it reports to
        self.report = Report()
        self.thread = threading.get_ident()  # what others do meanwhile is not looked at
        self.of_parent: list[Any] = []
        self.busy = self.ending = self.committed = False

    # --- what is done to the application ---

    @contextmanager
    def watching(self) -> Iterator["Killer"]:
        """Rehearse the steps that are taken inside."""
        original = transactions.transaction
        engine = db.engine
        with pytest.MonkeyPatch.context() as patch:
            for module in list(sys.modules.values()):
                if vars(module).get("transaction") is original:
                    patch.setattr(module, "transaction", self.around(original))
            for name, point in (
                ("ask", "guard"),
                ("append_event", "audit"),
                ("settle", "state"),
                ("fire", "outbox"),
            ):
                self.mark(patch, name, point)
            patch.setattr(evidence, "write", self.writing(evidence.write))
            patch.setattr(Flask, "process_response", self.before(Flask.process_response))
            listeners = [
                (RoutedSession, "before_commit", self.about_to_commit),
                (RoutedSession, "after_commit", self.has_committed),
                (engine, "commit", self.commits),
                (engine, "after_cursor_execute", self.executed),
            ]
            for one in listeners:
                event.listen(*one)
            try:
                yield self
            finally:
                for one in listeners:
                    event.remove(*one)

    def around(self, original: Any) -> Any:
        @contextmanager
        def rehearsed() -> Iterator[Any]:
            elsewhere = threading.get_ident() != self.thread
            if elsewhere or self.order or self.busy or self.is_known(sys._getframe(2)):
                with original() as session:
                    yield session
                return
            self.rehearse()
            try:
                with original() as session:
                    self.pass_by("begin")
                    yield session
            except BaseException:
                if self.order:
                    self.end()
                raise
            if self.order and not (self.order[0] == "respond" and has_request_context()):
                self.pass_by("respond")
                self.end()

        return rehearsed

    def is_known(self, caller: Any) -> bool:
        """Say whether what asks for a transaction was rehearsed often enough."""
        given = caller.f_locals
        values = (given.get(name) for name in ("kind", "workflow", "name"))
        # What a reference begins with tells the workflow: each has an `escalate` of its own.
        about = str(given.get("ref") or given.get("case_ref") or "").partition("-")[0]
        own = (one for one in values if isinstance(one, str))
        # Whose step it is, without asking the database: the counter opens by another than a firm.
        who = getattr(given.get("user"), "__dict__", {}).get("email", "")
        occasion = (caller.f_code.co_qualname, about, who, *own)
        self.occasions[occasion] += 1
        made_by_a_test = Path(caller.f_code.co_filename).is_relative_to(TESTS)
        return (
            made_by_a_test or caller.f_code.co_name in NEVER or self.occasions[occasion] > self.most
        )

    def mark(self, patch: Any, name: str, point: str) -> None:
        """Let a function of the machine tell that a step came as far as this."""
        function = getattr(machine, name)

        def and_tell(*given: Any, **more: Any) -> Any:
            result = function(*given, **more)
            if not self.order:
                return result
            if name == "fire":
                _session, policy, entity, transition, *_ = given
                self.pass_by(point, f"{policy.workflow_of(entity).name}.{transition}")
                return result
            step = result if name == "ask" else given[0]
            taken = Step(step.workflow.name, step.transition.name, step.state, step.follows)
            if name == "append_event":
                self.report.steps.append(taken)
                self.report.streams.append(step.stream)
            self.pass_by(point, taken.name)
            return result

        patch.setattr(machine, name, and_tell)

    def before(self, function: Any) -> Any:
        def answering(app: Flask, response: Any) -> Any:
            if self.order and self.committed:
                self.pass_by("respond")
                self.end()
            return function(app, response)

        return answering

    def writing(self, function: Any) -> Any:
        """Let a child write papers by itself: the threads of the library stayed with its parent."""

        def write(upload: Any) -> None:
            if not self.order:
                function(upload)
                return
            path = evidence.folder_of(evidence.place()) / evidence.path_of(upload.sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(upload.content)

        return write

    def about_to_commit(self, _session: Any) -> None:
        self.ending = True

    def commits(self, connection: Any) -> None:
        if self.order and self.ending:
            self.ending = False
            self.report.counts = self.files.count_in(connection)
            self.pass_by("pre_commit")

    def has_committed(self, _session: Any) -> None:
        if self.order and not self.committed:
            self.committed = True
            self.pass_by("post_commit")

    def executed(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not self.order:
            return
        if self.files.locks(statement):
            self.pass_by("locked")
        if statement.startswith("INSERT INTO form_token"):
            self.pass_by("remembered")

    # --- in a child ---

    def pass_by(self, point: str, step: str = "") -> None:
        """End here, if this is where."""
        if not self.order:
            return
        if point not in self.report.passed:
            self.report.passed.append(point)
        wanted, whose = self.order
        if point == wanted and whose in {"", step}:
            self.report.killed = True
            self.end()

    def end(self) -> NoReturn:
        """Tell what was seen, and end as by a loss of power."""
        try:
            os.write(self.line, json.dumps(vars(self.report)).encode())
        finally:  # whatever became of the parent: a child never goes on with its parent's work
            os.kill(os.getpid(), signal.SIGKILL)
        raise SystemExit  # never reached

    # --- in the parent ---

    def kill_at(self, point: str, step: str = "") -> Report | None:
        """Fork a child that ends at a point; None in the child, which goes on with the work."""
        reading, writing = os.pipe()
        others = self.files.in_transactions()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child needs none
            child = os.fork()
        if child == 0:
            os.close(reading)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(PATIENCE)
            self.line, self.order, self.report = writing, (point, step), Report()
            self.ending = self.committed = False
            self.of_parent = [one.pool for one in db.engines.values()]  # neither used nor ended
            for engine in db.engines.values():
                engine.dispose(close=False)
            return None
        os.close(writing)
        with os.fdopen(reading, "rb") as line:
            said = line.read()
        _pid, status = os.waitpid(child, 0)
        self.files.see_off(others)
        if os.WTERMSIG(status) != signal.SIGKILL or not said:
            raise Unsafe(f"a child ended by itself at {point} of {step or 'a step'}: {status}")
        told = json.loads(said)
        told["steps"] = [Step(*one) for one in told["steps"]]
        return Report(**told)

    def rehearse(self) -> None:
        """Kill the transaction that is about to begin; returns in the parent, and in each child."""
        db.session.rollback()
        scout = self.kill_at("pre_commit")
        if scout is None:
            return
        if not (scout.killed and scout.steps):
            return
        plan = self.choose(scout)
        if not plan:
            return
        self.busy = True
        try:
            self.carry_out(plan, scout)
        finally:
            if not self.order:
                self.busy = False

    def carry_out(self, plan: list[tuple[str, str]], scout: Report) -> None:
        """Kill at each point of a plan, and look what each left; returns in each child, too."""
        before = self.files.read()
        for point, step in plan:
            if point not in AFTER and not self.kill_before(point, step, scout, before):
                return
        later = [point for point, _step in plan if point in AFTER]
        if not later:
            return
        versions = self.files.versions()
        with self.files.put_back():
            for point in later:
                if not self.kill_after(point, scout, before, versions):
                    return
                self.files.restore()

    def kill_before(self, point: str, step: str, scout: Report, before: Content) -> bool:
        """Kill before the commit: nothing may be on file. False in the child."""
        there = self.kill_at(point, step)
        if there is None:
            return False
        if not there.killed:
            raise Unsafe(f"{scout}: {point} of {step or 'the whole'} was not passed")
        if self.files.read() != before:
            raise Unsafe(f"{scout}: killed at {point} of {step}, a part is on file")
        self.note(point, step, scout)
        return True

    def kill_after(self, point: str, scout: Report, before: Content, versions: int) -> bool:
        """Kill after the commit: all is on file, and asked for again it changes nothing.

        False in each child.
        """
        there = self.kill_at(point)
        if there is None:
            return False
        after = self.files.read()
        self.look_at(f"{scout}: killed at {point}", there, scout, before, after, versions)
        again = self.kill_at("respond")
        if again is None:
            return False
        # What no form asked for, but the request of another, is asked for by that one only.
        if not again.killed and "remembered" in scout.passed:
            raise Unsafe(f"{scout}: killed at {point}, it is refused when asked for again")
        twice = {one.name for one in again.steps} & {one.name for one in scout.steps}
        # What the request was to do besides, in a transaction of its own, is still to be done.
        goes_on = point == "post_commit" and again.steps and not twice
        if not goes_on and (differ := self.differing(after, self.files.read())):
            raise Unsafe(f"{scout}: done again after it was killed at {point}: {differ}")
        self.note(point, "", scout)
        return True

    @staticmethod
    def differing(one: Content, other: Content) -> list[str]:
        """Return the tables that are not the same, but those that only note how far a job is."""
        differ = {name for name in one if one[name] != other.get(name)} - {*PROGRESS}
        return sorted(
            name
            for name in differ
            if name not in SEEN_AGAIN or one[name][0] != other.get(name, (0, ""))[0]
        )

    def look_at(
        self,
        said: str,
        there: Report,
        scout: Report,
        before: Content,
        after: Content,
        versions: int,
    ) -> None:
        """Check that a step whose commit was reached is there wholly, and only once."""
        if not there.killed:
            raise Unsafe(f"{said}: it was not passed")
        counts = {name: count for name, (count, _digest) in after.items()}
        if there.passed[-1] == "post_commit" and counts != scout.counts:
            differ = {
                name: (scout.counts.get(name), counts.get(name))
                for name in {*counts, *scout.counts}
                if counts.get(name) != scout.counts.get(name)
            }
            raise Unsafe(f"{said}: not all of it, or more, is on file: {differ}")
        gained = counts["event"] - before["event"][0]
        if gained != len(there.steps):  # with those of what the request did besides
            raise Unsafe(f"{said}: {len(there.steps)} steps, {gained} events")
        if self.files.versions() - versions != gained:
            raise Unsafe(f"{said}: {gained} events, other versions")
        for stream in {*scout.streams}:
            if flaw := ledger.verify(db.session(), stream)[1]:
                raise Unsafe(f"{said}: the chain of {stream} is broken: {flaw}")
        db.session.rollback()

    def note(self, point: str, step: str, scout: Report) -> None:
        """Remember that steps were killed at a point: of what all share, all of them."""
        self.kills += 1
        for one in scout.steps:
            if step in {"", one.name}:
                self.killed.setdefault(one.name, set()).add(point)


def all_points(wanted: Callable[[Step], bool]) -> Choice:
    """Choose every point of the first step of a transaction, and those of the steps it fires."""

    def choose(scout: Report) -> list[tuple[str, str]]:
        new = [one for one in scout.steps if wanted(one)]
        if not new:
            return []
        shared = [(one, "") for one in POINTS if one not in OWN and one in {*scout.passed, *AFTER}]
        own = {(point, one.name): None for one in new for point in OWN}
        return [*own, *shared]

    return choose


VERSIONED = ("case_file", "credit_record", "requirement", "sanction")
VERSIONS = " + ".join(f"(SELECT coalesce(sum(version), 0) FROM {one})" for one in VERSIONED)


class Files:
    """What is on file, seen by a connection of its own; and how it is put back."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.tables: list[str] = []

    def count_in(self, connection: Any) -> dict[str, int]:
        """Return how many rows each table has, as a transaction sees it."""
        parts = (f"SELECT '{one}', count(*) FROM {one}" for one in self.tables)
        return dict(connection.exec_driver_sql(" UNION ALL ".join(parts)).all())

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Keep what is on file, and put it back at the end; `restore` does so meanwhile."""
        self.keep()
        try:
            yield
        finally:
            if os.getpid() == self.owner:  # and no child that goes on from inside
                self.restore()

    def in_transactions(self) -> set[int]:
        """Return the other connections that are in a transaction, where the store tells."""
        return set()

    def see_off(self, others: set[int]) -> None:
        """Wait until only these are in one: a server learns of a kill a moment after it."""
        for _ in range(ENDS_WITHIN * 100):
            if not self.in_transactions() - others:
                return
            time.sleep(0.01)
        raise Unsafe("what a child had begun goes on after it was killed")


class PostgresFiles(Files):
    """Those of a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.line = psycopg.connect(url, autocommit=True, options="-c lock_timeout=20s")

    def close(self) -> None:
        self.line.execute("DROP SCHEMA IF EXISTS kept_now CASCADE")
        self.line.close()

    @staticmethod
    def locks(statement: str) -> bool:
        return "FOR UPDATE" in statement

    def in_transactions(self) -> set[int]:
        found = self.line.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            " AND xact_start IS NOT NULL"
        )
        return {pid for (pid,) in found}

    def read(self) -> Content:
        found = self.line.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'dbos')"
            " ORDER BY 1, 2"
        ).fetchall()
        self.tables = [name if schema == "public" else f"{schema}.{name}" for schema, name in found]
        rows = self.line.execute(
            " UNION ALL ".join(
                f"SELECT '{one}', count(*), coalesce(md5(string_agg(t::text, chr(10)"
                f" ORDER BY t::text)), '') FROM {one} t"
                for one in self.tables
            )
        ).fetchall()
        return {name: (count, digest) for name, count, digest in rows}

    def versions(self) -> int:
        return self.line.execute(f"SELECT {VERSIONS}").fetchone()[0]

    def keep(self) -> None:
        made = (
            f"CREATE UNLOGGED TABLE kept_now.{one.replace('.', '_of_')} AS TABLE {one}"
            for one in self.tables
        )
        start = ("DROP SCHEMA IF EXISTS kept_now CASCADE", "CREATE SCHEMA kept_now")
        self.line.execute("; ".join([*start, *made]))

    def restore(self) -> None:
        # Neither triggers nor foreign keys: the ledger itself refuses to be emptied.
        statements = ["BEGIN", "SET LOCAL session_replication_role = replica"]
        for one in self.tables:
            kept = f"kept_now.{one.replace('.', '_of_')}"
            statements += [f"DELETE FROM {one}", f"INSERT INTO {one} TABLE {kept}"]
        self.line.execute("; ".join([*statements, "COMMIT"]))


class SqliteFiles(Files):
    """Those of a SQLite file; nobody may read it while it is put back."""

    def __init__(self, path: Any) -> None:
        super().__init__()
        self.path = path
        self.kept = sqlite3.connect(":memory:")

    def close(self) -> None:
        self.kept.close()

    @staticmethod
    def locks(_statement: str) -> bool:
        return True  # a writer has the lock before its first statement

    def read(self) -> Content:
        with closing(sqlite3.connect(self.path)) as line:
            found = line.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
            self.tables = [name for (name,) in found if not name.startswith("sqlite_")]
            content = {}
            for one in self.tables:
                rows = sorted(map(repr, line.execute(f"SELECT * FROM {one}")))
                content[one] = len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
            return content

    def versions(self) -> int:
        with closing(sqlite3.connect(self.path)) as line:
            return line.execute(f"SELECT {VERSIONS}").fetchone()[0]

    def keep(self) -> None:
        with closing(sqlite3.connect(self.path)) as line:
            line.backup(self.kept)

    def restore(self) -> None:
        with closing(sqlite3.connect(self.path)) as line:
            self.kept.backup(line)


def files_of(store: Any) -> Files:
    """Return what is on file in a store of the tests."""
    return PostgresFiles(store.url) if store.name == "postgresql" else SqliteFiles(store.path)
