"""What was refused, from the command line."""

import json

import click
from flask.cli import AppGroup

from repair_app.db import db
from repair_app.services import security as refusals

security = AppGroup("security", help="Attempts that were refused.")


@security.command("list")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, help="How many, newest first."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_refusals(limit: int, as_json: bool) -> None:
    """List what was refused: one line for each account, page, kind and minute."""
    for one in refusals.list_latest(limit=limit):
        told = {
            "at": one.last_at.isoformat(timespec="seconds"),
            "who": one.who,
            "kind": one.kind,
            "status": one.status,
            "route": one.route,
            "ref": one.entity_ref,
            "step": one.step,
            "times": one.times,
            "request": one.request,
        }
        click.echo(
            json.dumps(told) if as_json else " ".join(str(part) or "-" for part in told.values())
        )
    db.session.rollback()
