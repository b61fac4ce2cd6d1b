"""What the cluster consists of: addresses, secrets, and the command and environment of each part.

Everything is written to the cluster's folder: `cluster.json` (secrets, and which server is the
primary) and `processes.json` (name -> process id and address of what runs).
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import manage
from config import SHARED_SECRETS
from deploy.cluster.postgresql import Server, url_of

PROXY: Final = "127.0.0.1"
WEB: Final = {"web-1": "127.0.0.2", "web-2": "127.0.0.3"}
DATABASES: Final = {"db-1": "127.0.0.4", "db-2": "127.0.0.5"}
WORKERS: Final = ("worker-1", "worker-2")
SECRETS: Final = ("superuser", "database", *SHARED_SECRETS)


@dataclass
class Plan:
    """A cluster's folder and what is known of it."""

    folder: Path
    port: int
    primary: str = "db-1"
    in_step: bool = False  # whether every commit was waited for until the replica had it
    secrets: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """Return the plan of a folder. Raises FileNotFoundError."""
        return cls(folder, **json.loads((folder / "cluster.json").read_text()))

    @classmethod
    def make(cls, folder: Path, port: int) -> Plan:
        """Return the plan of a folder, made on first use."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            plan = cls.read(folder)
        except FileNotFoundError:
            plan = cls(folder, port)
        plan.port = port
        made = {name: secrets.token_urlsafe(32) for name in SECRETS}
        plan.secrets = made | plan.secrets
        plan.keep()
        return plan

    def keep(self) -> None:
        """Write down what is known."""
        known = {name: value for name, value in vars(self).items() if name != "folder"}
        write(self.folder / "cluster.json", known)

    @property
    def servers(self) -> dict[str, Server]:
        """Return the database servers, the primary first."""
        names = sorted(DATABASES, key=lambda name: name != self.primary)
        password = self.secrets["superuser"]
        return {
            name: Server(name, self.folder / name, DATABASES[name], self.port, password)
            for name in names
        }

    @property
    def environment(self) -> dict[str, str]:
        """Return what every node and worker is told. No node keeps anything of its own."""
        env = {
            "DATABASE_URL": url_of(self.servers, self.secrets["database"], "read-write"),
            "REDRESS_REPLICA_URL": url_of(self.servers, self.secrets["database"], "prefer-standby"),
            "REDRESS_EVIDENCE_URL": (self.folder / "evidence").as_uri(),
            "REDRESS_HISTORY_KEY": str(self.folder / "history_key"),  # whichever worker is active
            **{name: self.secrets[name] for name in SHARED_SECRETS},
        }
        for name in ("REDRESS_EVIDENCE_URL", "REDRESS_REPLICA_URL"):  # another one may be given
            env[name] = os.environ.get(name, env[name])
        return env

    def env_of(self, part: str) -> dict[str, str]:
        """Return the environment of one part; its folder holds nothing that another part needs."""
        return manage.child_env(REDRESS_DATA=str(self.folder / part), **self.environment)

    def web_command(self, name: str) -> list[str]:
        """Spell a web node."""
        command = manage.server_command(WEB[name], self.port, 1)
        # Tests put an application in its place that ends where they want it to.
        return [*command[:-1], os.environ.get("REDRESS_CLUSTER_APP", command[-1])]

    def worker_command(self) -> list[str]:
        """Spell a worker: one is active, the other stands by."""
        command = manage.flask_command("jobs", "work", "--parent", str(os.getpid()))
        place = command.index("--app") + 1
        command[place] = os.environ.get("REDRESS_CLUSTER_WORKER", command[place])  # as above
        return command

    def proxy_command(self) -> list[str]:
        """Spell the proxy."""
        places = [f"{host}:{self.port}" for host in (PROXY, *WEB.values())]
        return manage.module_command("deploy.cluster.proxy", *places)

    def address_of(self, name: str) -> str | None:
        """Return where a part listens."""
        host = {"proxy": PROXY, **WEB, **DATABASES}.get(name)
        return host and f"{host}:{self.port}"


def write(path: Path, content: Any) -> None:
    """Write a file that is never seen half written, for its owner only."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(content, indent=2) + "\n")
    new.replace(path)
