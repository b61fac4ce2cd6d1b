"""Starts every part of the cluster, starts again what ends, and stops all in order."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg

import manage
from deploy.cluster import operate
from deploy.cluster.plan import PROXY, WEB, WORKERS, Plan, write
from deploy.cluster.postgresql import Server, as_owner

LOOK = 0.2  # seconds between two looks at the parts
PAUSE = 1  # second before a part that ended is started again
PATIENCE = 20  # seconds that a part gets to end


@dataclass
class Part:
    """A process of the cluster."""

    name: str
    command: list[str]
    env: dict[str, str]
    stop_by: int = signal.SIGTERM
    extra: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    due: float = 0  # when it is to be started again
    missing: bool = False  # it ended, and that was seen

    @property
    def is_running(self) -> bool:
        """Say whether it runs."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs a plan."""

    def __init__(self, plan: Plan, *, empty: bool) -> None:
        self.plan = plan
        self.empty = empty
        self.parts: dict[str, Part] = {}
        self.signals: list[int] = []
        self.due: float = 0  # when to look next whether the replica is back

    def run(self) -> int:
        """Start all, watch, and stop all when told to."""
        running = {
            n: p for n, p in operate.read_processes(self.plan).items() if operate.is_running(p)
        }
        if running:
            raise operate.Refused(f"it runs already, or its rest: {running}. Stop these first.")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda one, _frame: self.signals.append(one))
        manage.refuse_taken_port(PROXY, self.plan.port)
        try:
            self.start_databases()
            self.start_nodes()
            self.tell()
            while not self.signals:
                self.look()
                time.sleep(LOOK)
        finally:
            self.stop()
        return 0

    # --- Start ---

    def start_databases(self) -> None:
        """Start the primary, make the store ready, start the replica, and wait for it from now."""
        primary, replica = self.plan.servers.values()
        if not primary.is_made:
            primary.make()
        self.start_server(primary)
        primary.wait()
        if self.plan.in_step:  # since the last time: nobody is there to be waited for yet
            primary.commit_with(None)
        primary.make_database(self.plan.secrets["database"])
        options = ["--empty"] if self.empty else []
        prepare = manage.flask_command("prepare", *options)
        env = self.plan.env_of("prepare")
        env.pop("REDRESS_REPLICA_URL")
        manage.run(prepare, env, "The store could not be made ready.")
        if not replica.is_standby:
            replica.copy_from(primary)
        self.start_server(replica)
        self.be_in_step(PATIENCE)

    def start_server(self, server: Server) -> None:
        """Start a database server; SIGINT ends it without waiting for who is connected."""
        env = manage.child_env()
        extra = {"cwd": "/", **as_owner()}
        self.start(Part(server.name, server.command(), env, signal.SIGINT, extra))

    def be_in_step(self, patience: float = LOOK) -> None:
        """Let commits wait for the replica from now on. Raises TimeoutError."""
        primary, replica = self.plan.servers.values()
        primary.wait_for_replica(replica.name, patience)
        primary.commit_with(replica.name)
        self.plan.in_step = True
        self.plan.keep()

    def start_nodes(self) -> None:
        """Start web nodes, workers and the proxy."""
        for name in WEB:
            self.start(Part(name, self.plan.web_command(name), self.plan.env_of(name)))
        for name in WORKERS:
            self.start(Part(name, self.plan.worker_command(), self.plan.env_of(name)))
        self.start(Part("proxy", self.plan.proxy_command(), manage.child_env()))

    def start(self, part: Part) -> None:
        """Start a part; what it says goes to a file of its name."""
        with (self.plan.folder / f"{part.name}.log").open("ab") as log:
            # A group of its own: Ctrl-C at the terminal reaches us, and we stop them in order.
            part.process = subprocess.Popen(
                part.command,
                env=part.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **part.extra,
            )
        part.missing = False
        self.parts[part.name] = part
        self.note()

    def note(self) -> None:
        """Write down what runs."""
        known = {
            name: {"pid": one.process.pid, "address": self.plan.address_of(name)}
            for name, one in self.parts.items()
            if one.process
        }
        write(self.plan.folder / "processes.json", known)

    def tell(self) -> None:
        """Say where everything is."""
        for name, part in self.parts.items():
            pid = part.process.pid if part.process else "-"
            say(f"{name:9} {self.plan.address_of(name) or '-':16} pid {pid}")
        say(f"Redress: http://{PROXY}:{self.plan.port}/  (Ctrl-C stops all)")

    # --- Watch ---

    def look(self) -> None:
        """See to every part that has ended."""
        self.plan = Plan.read(self.plan.folder)  # `promote` may have changed it
        for part in list(self.parts.values()):
            if part.is_running:
                continue
            if not part.missing:
                part.missing, part.due = True, time.monotonic() + PAUSE
                code = part.process.returncode if part.process else None
                say(f"{part.name} has ended ({code})")
                self.see_to_loss(part.name)
            elif time.monotonic() > part.due and part.name != self.plan.primary:
                self.start_again(part)
        if not self.plan.in_step and time.monotonic() > self.due:
            self.due = time.monotonic() + PAUSE
            self.get_in_step()

    def see_to_loss(self, name: str) -> None:
        """Do at once what the loss of a database server asks for."""
        primary, replica = self.plan.servers.values()
        if name == primary.name:
            say(f"The primary is gone: manage.py cluster promote --data {self.plan.folder}")
        elif name == replica.name and self.is_up(primary.name):
            # Or every commit would wait for a replica that is not there.
            self.plan.in_step = False
            self.plan.keep()  # first: from here on the replica must not be promoted
            primary.commit_with(None)
            say(f"{primary.name} goes on alone, until {name} is back")

    def start_again(self, part: Part) -> None:
        """Start a part again that had ended."""
        primary, replica = self.plan.servers.values()
        if part.name != replica.name:
            self.start(part)
            say(f"{part.name} is started again")
        elif self.is_up(primary.name) and replica.is_standby:
            self.start(part)

    def get_in_step(self) -> None:
        """Let commits wait for the replica again, once it is back; if not yet, try again later."""
        if all(self.is_up(name) for name in self.plan.servers):
            try:
                self.be_in_step()
            except (psycopg.Error, TimeoutError) as reason:
                say(f"the replica does not follow yet: {reason}")
            else:
                say("the replica follows again")

    def is_up(self, name: str) -> bool:
        """Say whether a part runs."""
        return self.parts[name].is_running

    # --- Stop ---

    def stop(self) -> None:
        """Stop all: who asks before who is asked, the primary before its replica.

        A primary that stops sends its replica what it has still to send.
        """
        primary, replica = self.plan.servers
        for names in (["proxy"], [*WEB], [*WORKERS], [primary], [replica]):
            parts = [self.parts[name] for name in names if name in self.parts]
            for one in parts:
                if one.process and one.is_running:
                    one.process.send_signal(one.stop_by)
            for one in parts:
                self.wait(one)
        self.parts.clear()
        self.note()
        say("stopped")

    def wait(self, part: Part) -> None:
        """Wait for a part to end, and kill what does not."""
        if part.process is None:
            return
        try:
            part.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            say(f"{part.name} is killed")
            operate.kill(part.process.pid)
            part.process.wait()


def say(line: str) -> None:
    """Print a line at once."""
    print(line)
    sys.stdout.flush()
