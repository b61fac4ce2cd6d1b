"""F2, F4: a database that is killed, or has no room left, loses nothing that it confirmed."""

import os
import secrets
import shutil
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from deploy.cluster import operate
from deploy.cluster.postgresql import SUPERUSER, Server, as_owner
from tests.cluster.conftest import free_port, until

WRITERS = 4
ENOUGH = 200  # confirmed rows of a round, before the server is killed
ROUNDS = 3
ALL_ROUNDS = 20
ROOM = "140m"
# Nothing is written before somebody has to: what was confirmed by then is lost with the memory.
CARELESS = {"synchronous_commit": "off", "wal_writer_delay": "10s", "wal_buffers": "16MB"}
pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.timeout(600)]


class Kept:
    """A server that can be killed, and what its writers were told is committed."""

    def __init__(self, folder: Path) -> None:
        word = secrets.token_hex(8)
        self.server = Server("alone", folder / "alone", "127.0.0.1", free_port(), word)
        self.confirmed: set[str] = set()
        self.process: subprocess.Popen | None = None

    def make(self, **settings: str) -> None:
        self.server.make()
        with (self.server.folder / "postgresql.auto.conf").open("a") as file:
            # Nobody waits for a replica here.
            file.write("synchronous_standby_names = ''\n")
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()
        with self.server.connect() as connection:
            connection.execute("CREATE TABLE entry (key text PRIMARY KEY, filling text)")
            connection.execute("CHECKPOINT")  # the table itself is there, whatever is lost

    def start(self) -> None:
        with (self.server.folder.parent / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.server.command(), cwd="/", stdout=log, stderr=log, **as_owner()
            )
        self.server.wait(patience=60)

    def kill(self) -> None:
        operate.kill(self.process.pid)
        self.process.wait(60)

    def write(self, stop: threading.Event, size: int) -> None:
        """Write row after row until the server is gone, or has no room."""
        address = f"{self.server.address(SUPERUSER)} password={self.server.password}"
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                while not stop.is_set():
                    key = secrets.token_hex(8)
                    filling = secrets.token_hex(size)
                    connection.execute("INSERT INTO entry VALUES (%s, %s)", [key, filling])
                    self.confirmed.add(key)
        except psycopg.Error:
            pass  # it is gone; what was not confirmed may be there or not

    @contextmanager
    def writers(self, size: int = 20):
        """Have several write at once."""
        stop = threading.Event()
        crowd = [threading.Thread(target=self.write, args=(stop, size)) for _ in range(WRITERS)]
        for one in crowd:
            one.start()
        try:
            yield crowd
        finally:
            stop.set()
            for one in crowd:
                one.join(60)

    def kill_while_writing(self) -> set[str]:
        """Return what was confirmed in one round and is not there after it."""
        begun = len(self.confirmed)
        with self.writers():
            until("rows are confirmed", lambda: len(self.confirmed) >= begun + ENOUGH)
            self.kill()
        self.start()
        return self.missing()

    def missing(self) -> set[str]:
        with self.server.connect() as connection:
            return self.confirmed - {key for (key,) in connection.execute("SELECT key FROM entry")}


@pytest.fixture
def kept():
    folder = Path(tempfile.mkdtemp(prefix="redress-killed-"))  # its user has to reach it
    folder.chmod(0o711)
    one = Kept(folder)
    yield one
    if one.process is not None:
        one.kill()
    shutil.rmtree(folder)


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(ALL_ROUNDS, marks=pytest.mark.exhaustive)])
def test_of_what_a_killed_database_confirmed_nothing_is_lost(kept, rounds):
    kept.make()
    for _ in range(rounds):
        assert kept.kill_while_writing() == set()
    assert len(kept.confirmed) >= rounds * ENOUGH


def test_control_a_database_that_confirms_before_it_has_written_loses_rows(kept):
    kept.make(**CARELESS)
    assert kept.kill_while_writing()


@pytest.mark.exhaustive
def test_a_database_without_room_confirms_nothing_more_and_goes_on_when_it_has_room(kept):
    """On a small file system in memory, which only the superuser of the machine can make."""
    folder = kept.server.folder
    folder.mkdir(mode=0o711)
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder], check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("no small file system can be mounted here")
    try:
        kept.server = Server(
            "alone", folder / "data", kept.server.host, kept.server.port, kept.server.password
        )
        folder.chmod(0o711)
        kept.make(max_wal_size="32MB", min_wal_size="32MB")
        ballast = folder / "ballast"
        with ballast.open("wb") as file:
            left = shutil.disk_usage(folder).free - 4 * 1024 * 1024
            file.write(bytes(max(left, 0)))
        with kept.writers(size=2000) as crowd:
            until("there is no room", lambda: not any(one.is_alive() for one in crowd))
        ballast.unlink()
        kept.kill()
        kept.start()
        assert kept.confirmed
        assert kept.missing() == set()
        before = len(kept.confirmed)
        with kept.writers():
            until("it goes on", lambda: len(kept.confirmed) > before)
    finally:
        kept.kill()
        kept.process = None
        subprocess.run(["umount", "-l", folder], check=True)
