"""Commands: `python3 manage.py flask …`; one module for each group."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask

from repair_app.cli import (
    accounts,
    backups,
    calendar,
    clients,
    coverage,
    data_map,
    deadlines,
    erasing,
    history,
    institutions,
    jobs,
    keys,
    measures,
    messages,
    migration,
    platforms,
    receipts,
    records,
    retention,
    rules,
    scans,
    security,
    statistics,
    store,
    unready,
    workflows,
)
from repair_app.engine.rules import RuleError
from repair_app.engine.spec import SpecError


@contextmanager
def refusing_in_one_line() -> Iterator[None]:
    """End a command with one line when the policy must not run; elsewhere let the error pass."""
    try:
        yield
    except (SpecError, RuleError) as error:
        if click.get_current_context(silent=True) is None:
            raise
        raise click.ClickException(str(error)) from error


def add_commands(app: Flask) -> None:
    """Add the commands to the application."""
    workflows.workflows.add_command(migration.migrate)
    workflows.workflows.add_command(coverage.coverage)
    for command in (
        workflows.workflows,
        rules.rules,
        records.records,
        calendar.working_days,
        deadlines.deadlines,
        history.history,
        accounts.accounts,
        accounts.organisations,
        clients.clients,
        data_map.data_map,
        erasing.erase,
        institutions.institutions,
        jobs.jobs,
        keys.keys,
        measures.measures,
        messages.messages,
        platforms.platforms,
        receipts.receipts,
        scans.scans,
        security.security,
        statistics.statistics,
        backups.backup,
        backups.verify_backup,
        backups.restore,
        backups.position,
        retention.retention,
        store.prepare,
        store.verify,
    ):
        app.cli.add_command(unready.telling(command))
