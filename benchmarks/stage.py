"""A store with an application on it, in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import flask_migrate
from flask import Flask

from benchmarks import server
from config import Config
from repair_app import create_app
from repair_app.db import db
from repair_app.services import catalogue


class BenchConfig(Config):
    """For seeding and counting in this process: a cheap password hash, sign-ins without limit.

    The servers that are measured run with the settings of a deployment.
    """

    DATABASE_TIMEOUTS: dict[str, int] = {}  # as a command: millions of rows take their time
    LOGIN_RATE_LIMIT = "10000 per minute"
    SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS = {
        "argon2__time_cost": 1,
        "argon2__memory_cost": 8,
        "argon2__parallelism": 1,
    }


@dataclass(frozen=True)
class Stage:
    """An application of this process and the environment of its servers."""

    kind: str
    app: Flask
    data: Path
    env: dict[str, str]

    @property
    def version(self) -> str:
        """Return name and version of the store."""
        with self.app.app_context():
            query = "SELECT sqlite_version()" if self.kind == "sqlite" else "SHOW server_version"
            told = db.session.connection().exec_driver_sql(query).scalar_one()
        return f"{'SQLite' if self.kind == 'sqlite' else 'PostgreSQL'} {told}"

    def close(self) -> None:
        with self.app.app_context():
            db.engine.dispose()


@contextmanager
def stage(kind: str, folder: Path, server_uri: str | None) -> Iterator[Stage]:
    """Give an application on a migrated store of this kind, empty unless it was kept."""
    folder.mkdir(parents=True, exist_ok=True)
    url = server.make_database(server_uri, folder.name.replace("-", "_")) if server_uri else None
    env = server.environment(folder, url)
    with environment_of(env):
        app = create_app(BenchConfig())
    made = Stage(kind, app, folder, env)
    try:
        with app.app_context():
            flask_migrate.upgrade()
            catalogue.load_measures(app.config["WORKFLOWS"] / "measures.toml")
            db.session.remove()
        yield made
    finally:
        made.close()


@contextmanager
def environment_of(env: dict[str, str]) -> Iterator[None]:
    """Let this process have another environment for a while."""
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
