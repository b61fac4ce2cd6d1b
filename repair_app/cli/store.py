"""The store as a whole: make it ready, check its ledger."""

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from repair_app import jobs, ledger, schema
from repair_app.cli.backups import PATH, saying_why, tell
from repair_app.db import db
from repair_app.engine.spec import SpecError
from repair_app.services import backups, catalogue, demonstrating, field_keys, history


@click.command()
@click.option("--empty", is_flag=True, help="Add no demonstration data.")
@with_appcontext
def prepare(empty: bool) -> None:
    """Make the store ready: migrate, load the catalogue, add the demonstration data once."""
    if current_app.config["IS_PUBLIC"] and not empty:
        raise click.ClickException(
            "REDRESS_BASE_URL is a public address, and everybody knows the password of the "
            "demonstration: --empty leaves it out."
        )
    schema.bring_up()
    if current_app.config["IS_PUBLIC"] and (found := demonstrating.count_accounts()):
        raise click.ClickException(demonstrating.refusal(found))
    missing = field_keys.find_missing()
    db.session.rollback()  # or it would be in the way of what is made next
    if missing:
        raise click.ClickException(f"{missing.zh}\n{missing.en}")
    jobs.make_tables(db.engine)
    try:
        if not catalogue.load_measures(current_app.config["WORKFLOWS"] / "measures.toml"):
            click.echo("The catalogue of measures is the store's own; measures.toml is not read.")
    except SpecError as error:
        raise click.ClickException(str(error)) from error
    if not current_app.config["BASE_URL"]:
        click.echo(
            "REDRESS_BASE_URL is not set: no links are mailed, no letters kept in print, and "
            "links are whole only for who calls this machine localhost."
        )
    if not empty:
        from repair_app.demo import add_demo

        add_demo()


@click.command()
@click.option("--all", "everything", is_flag=True, help="Check every chain (the default).")
@click.option("--stream", help="Check the chain of one case or record.")
@click.option("--expect", type=PATH, help="A position kept outside: is all of it still here?")
@with_appcontext
def verify(everything: bool, stream: str | None, expect: Path | None) -> None:
    """Check the ledger; name the first bad event, or what is missing, and exit with 1."""
    if stream and (everything or expect):
        raise click.UsageError("--stream excludes --all and --expect")
    missing = []
    if expect:
        with saying_why():
            missing = backups.list_missing(expect)
    count, flaw = ledger.verify(db.session(), stream) if stream else history.verify_all()
    if flaw:
        click.echo(f"✗ {flaw.stream}, event {flaw.seq}: {flaw.problem} ({count} events read)")
        tell(missing)
        sys.exit(1)
    if stream and not count:  # a typing mistake must not read as a proof
        raise click.ClickException(f"there is no chain {stream}")
    click.echo(f"✓ {count} events, every chain whole")
    tell(missing)
    if expect:
        click.echo(f"✓ nothing is missing of what there was at {expect.name}")
