"""Credit service institutions: registered, struck off, listed."""

from datetime import datetime

import click
from flask.cli import AppGroup

from repair_app.cli.accounts import refusing
from repair_app.db import db
from repair_app.models.supervision import SERVICES
from repair_app.services import administration
from repair_app.services import institutions as registry
from repair_app.services.administration import Registration

institutions = AppGroup("institutions", help="Registered credit service institutions.")

DAY = click.DateTime(["%Y-%m-%d"])
SERVICE = click.Choice(SERVICES)


@institutions.command("register")
@click.option("--uscc", required=True, help="Code of an institution that is on file.")
@click.option("--service", type=SERVICE, required=True)
@click.option("--number", required=True, help="Number of the registration.")
@click.option("--from", "valid_from", type=DAY, required=True, help="The first day.")
@click.option("--until", "valid_until", type=DAY, required=True, help="The last day.")
def register(
    uscc: str, service: str, number: str, valid_from: datetime, valid_until: datetime
) -> None:
    """Register an institution for a service: only then can enterprises choose it."""
    new = Registration(uscc, service, number, valid_from.date(), valid_until.date())
    with refusing():
        name = administration.register_institution(None, new).organisation.name
    click.echo(f"{name} is registered for {service} until {valid_until.date()}")


@institutions.command("strike-off")
@click.option("--service", type=SERVICE, required=True)
@click.option("--number", required=True, help="Number of the registration.")
def strike_off(service: str, number: str) -> None:
    """End a registration from today on; what was certified before stays."""
    with refusing():
        found = registry.find(db.session(), service, number)
        administration.end_institution(None, found.id)
    click.echo(f"{number} is struck off")


@institutions.command("list")
def list_all() -> None:
    """List the registrations that hold today."""
    for one in registry.list_registered():
        click.echo(f"{one.service}\t{one.number}\t{one.valid_until}\t{one.organisation.name}")
