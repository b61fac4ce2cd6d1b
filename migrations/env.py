"""Alembic, inside the application: `flask db upgrade`."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from repair_app.db import writing

database = current_app.extensions["migrate"].db


@contextmanager
def rebuilding(connection: Connection) -> Iterator[None]:
    """Let SQLite rebuild a table that others point to; check that they still do.

    It changes a table by writing a new one and dropping the old, which its foreign keys forbid.
    They can be set aside between transactions only, so by the driver, before SQLAlchemy begins.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        if broken := driver.execute("PRAGMA foreign_key_check").fetchall():
            raise RuntimeError(f"a migration left rows that point nowhere: {broken[:5]}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def run_migrations() -> None:
    """Migrate the store of the application, in one transaction."""
    with writing(), database.engine.connect() as connection, rebuilding(connection):
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run_migrations()
