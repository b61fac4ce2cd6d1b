"""The schema of the store: Flask-Migrate, without importing it where nothing is migrated.

Alembic is a tenth of what a process loads, and a server never migrates.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import click
from flask import Flask
from sqlalchemy import inspect, text

from config import ROOT
from repair_app import jobs
from repair_app.db import db

SCRIPTS: Final = ROOT / "migrations"
# Made by migrations 0004 and 0006 as each store needs it: no model describes it.
NOT_MODELLED: Final = {
    "ix_event_actor_organisation",
    "ix_event_actor_role",
    "ix_organisation_search_terms",
    "organisation_search",
    *(f"organisation_search_{part}" for part in ("config", "data", "docsize", "idx")),
}


def is_modelled(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
    """Say whether a migration has to mind something: neither tables of jobs nor these."""
    return name not in NOT_MODELLED and jobs.belongs_to_us(name, kind, parents)


class Migrations:
    """What Flask-Migrate and `migrations/env.py` look for in the application."""

    def __init__(self) -> None:
        self.db = db
        self.directory = str(SCRIPTS)
        self.configure_args = {
            "render_as_batch": True,
            "compare_type": True,
            "include_name": is_modelled,
        }

    @cached_property
    def migrate(self) -> Any:
        """Return the library's object, imported now."""
        from flask_migrate import Migrate

        return Migrate(db=self.db, directory=self.directory, **self.configure_args)


class MigrationCommands(click.Command):
    """`flask db …`: stands for the library's group until one of its commands is run."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Let the library's group read the command line and do the rest."""
        from flask_migrate.cli import db as group

        return group.make_context(*args, **extra)


def init_app(app: Flask) -> None:
    """Let the application's store be migrated, by command or by `flask_migrate.upgrade`."""
    app.extensions["migrate"] = Migrations()
    app.cli.add_command(MigrationCommands("db", help="Perform database migrations."))


def bring_up() -> None:
    """Bring the store's schema to the last migration; one that is there already is left alone."""
    if read_revision() != last_revision():
        from flask_migrate import upgrade

        upgrade()


def last_revision() -> str:
    """Return the number of the last migration; each is in its file's name (0001_slug.py)."""
    return max(path.name for path in SCRIPTS.glob("versions/[0-9]*.py")).partition("_")[0]


def read_revision() -> str | None:
    """Return the migration that the store is at, or None when it has no tables yet."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
