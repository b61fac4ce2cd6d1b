"""What is deleted when, and what would be now."""

import sys

import click
from flask.cli import with_appcontext

from repair_app.db import now
from repair_app.services import retention as rules


@click.command()
@click.option("--dry-run", is_flag=True, help="Count what would be deleted, and delete nothing.")
@with_appcontext
def retention(dry_run: bool) -> None:
    """Delete what was kept long enough, as workflows/retention.toml says.

    The worker does it every night.
    """
    for rule, count in rules.look_ahead():
        basis = "；".join(one.label.zh for one in rule.basis)
        click.echo(f"{rule.name}: {count} older than {rule.keep.days} days ({basis})")
    if dry_run:
        return
    try:
        click.echo(f"deleted: {rules.apply_rules(now())}")
    except ExceptionGroup as failures:
        for one in failures.exceptions:
            click.echo(f"✗ {type(one).__name__}", err=True)
        sys.exit(1)
