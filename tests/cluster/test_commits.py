"""Why a commit waits for the replica: what was confirmed outlives the loss of the primary."""

import secrets
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest

from deploy.cluster import operate
from deploy.cluster.plan import DATABASES
from deploy.cluster.postgresql import SUPERUSER, Server, as_owner
from tests.cluster.conftest import PATIENCE, TOGETHER, free_port

LONG_ENOUGH = 1.5  # seconds in which a commit that waits for nobody has been confirmed
ROWS = 5
pytestmark = TOGETHER


@pytest.fixture(scope="module")
def folder():
    made = Path(tempfile.mkdtemp(prefix="redress-pair-"))  # PostgreSQL's user has to reach it
    yield made
    shutil.rmtree(made)


@pytest.fixture
def pair(folder, tmp_path):
    """Give a primary and its replica, and their processes."""
    port, password = free_port(), secrets.token_hex(16)
    own = folder / tmp_path.name
    own.mkdir(mode=0o711)
    folder.chmod(0o711)
    servers = [Server(name, own / name, host, port, password) for name, host in DATABASES.items()]
    processes = []
    try:
        servers[0].make()
        processes.append(start(servers[0]))
        servers[0].wait()
        servers[1].copy_from(servers[0])
        processes.append(start(servers[1]))
        servers[0].wait_for_replica(servers[1].name, PATIENCE)
        yield servers, processes
    finally:
        for one in processes:
            operate.kill(one.pid)
            one.wait(PATIENCE)


def start(server):
    with (server.folder.parent / "log").open("ab") as log:
        return subprocess.Popen(server.command(), cwd="/", stdout=log, stderr=log, **as_owner())


@pytest.mark.parametrize(("waits", "lost"), [(True, 0), (False, ROWS)])
def test_what_was_confirmed_is_on_the_replica_if_and_only_if_commits_wait_for_it(pair, waits, lost):
    """The second is the negative control: a replica that is not waited for may lack it."""
    (primary, replica), processes = pair
    first, second = processes
    with primary.connect() as connection:
        connection.execute("CREATE TABLE entry (number int PRIMARY KEY)")
    replica.wait("SELECT to_regclass('entry') IS NOT NULL")
    primary.commit_with(replica.name if waits else None)
    if waits:
        primary.wait("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")
    confirmed = []

    def write():
        try:
            with primary.connect() as connection:
                for number in range(ROWS):
                    connection.execute("INSERT INTO entry VALUES (%s)", [number])
                    confirmed.append(number)
        except psycopg.OperationalError:
            pass  # the primary is gone

    operate.kill(second.pid)
    second.wait(PATIENCE)
    writer = threading.Thread(target=write)
    writer.start()
    writer.join(LONG_ENOUGH if waits else PATIENCE)
    operate.kill(first.pid)
    writer.join(PATIENCE)
    processes.append(start(replica))
    replica.wait()
    replica.promote()
    address = f"{replica.address(SUPERUSER)} password={replica.password}"
    with psycopg.connect(address) as connection:
        there = {number for (number,) in connection.execute("SELECT number FROM entry")}
    assert len(set(confirmed) - there) == lost
    assert len(confirmed) == (0 if waits else ROWS)
