"""A running cluster, started and stopped by its own command, and browsers at its proxy."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import html5lib
import psutil
import pytest
import requests

import manage
from config import TestConfig
from deploy.cluster import operate
from deploy.cluster.plan import DATABASES, PROXY, WEB, Plan
from repair_app import create_app
from repair_app.db import db
from tests.client import fields_of
from tests.factories import PASSWORD, make_world

PATIENCE = 60  # seconds: who waits longer has failed
# One process runs all of these: a cluster takes what the machine has, and some time to start.
TOGETHER = [pytest.mark.xdist_group("cluster"), pytest.mark.timeout(300)]
HOSTS = [PROXY, *WEB.values(), *DATABASES.values()]


def until(said, condition, patience=PATIENCE):
    """Wait until a condition holds and return what it gave; fail when that takes too long."""
    end = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < end, f"in {patience} s not: {said}"
        time.sleep(0.05)
    return found


def free_port() -> int:
    """Return a port that is free on all addresses of a cluster."""
    while True:
        with socket.create_server((PROXY, 0)) as first:
            port = first.getsockname()[1]
            try:
                for host in HOSTS[1:]:
                    socket.create_server((host, port)).close()
            except OSError:
                continue
            return port


class Running:
    """A cluster and its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.fail_file = folder / "fail-at"
        self.process = None

    @property
    def plan(self):
        return Plan.read(self.folder)

    def start(self):
        env = manage.child_env(
            REDRESS_CLUSTER_APP="tests.cluster.failing:create_app",
            REDRESS_CLUSTER_WORKER="tests.cluster.failing:create_worker",
            REDRESS_FAIL_FILE=str(self.fail_file),
            REDRESS_WEBHOOK_INSIDE="127.0.0.0/8",  # platforms of the tests are asked here
        )
        for name in ("DATABASE_URL", "SECRET_KEY", "REDRESS_BASE_URL", "REDRESS_PROFILE"):
            env.pop(name, None)
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(
                self.command("start", "--port", str(self.port), "--empty"),
                env=env,
                stdout=said,
                stderr=said,
            )
        self.be_whole()

    def command(self, action, *more):
        return [
            *(sys.executable, "-P", "-m", "deploy.cluster"),
            *(action, "--data", str(self.folder), *more),
        ]

    def run(self, action, *more):
        """Run a command of the operator."""
        return subprocess.run(
            self.command(action, *more),
            env=manage.child_env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE) == 0

    def said(self):
        return (self.folder / "said").read_text()

    def pids(self):
        return operate.read_processes(self.plan)

    def kill(self, name):
        """Kill a part and all its processes, as a machine that loses its power."""
        operate.kill(self.pids()[name])

    def be_whole(self):
        """Wait until every part runs, both nodes answer, and the replica is in step."""
        until(f"all runs: {self.said()}", self.is_whole)

    def is_whole(self):
        assert self.process.poll() is None, self.said()
        known = json.loads((self.folder / "processes.json").read_text()) if self.knows() else {}
        return (
            len(known) == 7
            and all(operate.is_running(one["pid"]) for one in known.values())
            and self.plan.in_step
            and all(self.answers(host) for host in HOSTS[:3])
        )

    def knows(self):
        return (self.folder / "processes.json").exists()

    def answers(self, host, path="/readyz"):
        try:
            return requests.get(f"http://{host}:{self.port}{path}", timeout=10).ok
        except requests.RequestException:
            return False

    def heal(self):
        """Leave it whole for the next test: start it again where its primary was lost."""
        self.fail_file.unlink(missing_ok=True)
        names = [name for name in DATABASES if not operate.is_running(self.pids().get(name, 0))]
        if (
            self.process.poll() is not None
            or self.plan.primary in names
            or (names and not self.plan.servers[names[0]].is_standby)
        ):
            self.stop()
            self.start()
        self.be_whole()

    def next_to_fail(self, point, turn=1):
        """Have a node end at a point, when it comes there for the so manieth time."""
        new = self.fail_file.with_suffix(".new")
        new.write_text(f"{point} {turn}")
        new.rename(self.fail_file)


class Browser:
    """Somebody at the proxy."""

    def __init__(self, running, email=""):
        self.base = f"http://{PROXY}:{running.port}"
        self.session = requests.Session()
        if email:
            answer = self.send("/login", self.form("/login"), email=email, password=PASSWORD)
            assert answer.status_code == 302, answer.text

    def get(self, path):
        return self.session.get(self.base + path, timeout=PATIENCE, allow_redirects=False)

    def form(self, path):
        """Return what the browser would send of the one form of a page."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        tree = html5lib.parse(answer.text, namespaceHTMLElements=False)
        (form,) = tree.findall(".//main//form[@method='post']")
        return dict(fields_of(form))

    def send(self, path, fields, **more):
        """Send a form; raises requests.RequestException when no answer comes."""
        sent = {name: (None, value) for name, value in {**fields, **more}.items()}
        return self.session.post(
            self.base + path, files=sent, timeout=PATIENCE, allow_redirects=False
        )


@pytest.fixture(scope="session")
def started() -> Iterator[SimpleNamespace]:
    """Start a cluster and put the standard world on file, by an application of our own."""
    # Not pytest's folder: PostgreSQL's user has to reach it.
    folder = Path(tempfile.mkdtemp(prefix="redress-cluster-"))
    running = Running(folder)
    running.start()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in running.plan.environment.items():
            environment.setenv(name, value)
        environment.setenv("REDRESS_DATA", str(folder / "tests"))
        config = TestConfig()
        config.FIELD_KEYS = running.plan.environment["REDRESS_FIELD_KEY"]  # the nodes', not ours
        app = create_app(config)
    try:
        with app.app_context():
            world = make_world()
            db.session.remove()
        yield SimpleNamespace(running=running, app=app, world=world)
    finally:
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()
        running.stop()
    left = [one for one in psutil.process_iter() if str(folder) in " ".join(cmdline_of(one))]
    assert not left, f"left behind: {left}"
    shutil.rmtree(folder)


def cmdline_of(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def running(started):
    """Give the cluster, whole; what an earlier test broke is mended first."""
    started.running.heal()
    return started.running


@pytest.fixture
def app(started, running):
    """Give an application of the test's own on the same store; its context is open."""
    with started.app.app_context():
        yield started.app
        db.session.remove()


@pytest.fixture
def world(started):
    return started.world


@pytest.fixture
def browse(running):
    """Give a function that returns somebody's browser at the proxy."""
    return lambda email="": Browser(running, email)
