"""Commands: `python3 manage.py flask …`; one module for each group."""

from flask import Flask

from repair_app.cli import (
    accounts,
    calendar,
    coverage,
    deadlines,
    institutions,
    jobs,
    migration,
    records,
    rules,
    scans,
    store,
    workflows,
)


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
        accounts.accounts,
        accounts.organisations,
        institutions.institutions,
        jobs.jobs,
        scans.scans,
        store.prepare,
        store.verify,
    ):
        app.cli.add_command(command)
