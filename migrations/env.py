"""Alembic, inside the application: `flask db upgrade`."""

from alembic import context
from flask import current_app

from repair_app.db import writing

database = current_app.extensions["migrate"].db


def run_migrations() -> None:
    """Migrate the store of the application, in one transaction."""
    with writing(), database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run_migrations()
