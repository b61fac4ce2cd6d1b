"""Credit service institutions: registered, struck off, listed."""

from datetime import datetime

import click
from flask.cli import AppGroup

from repair_app.cli.accounts import changing
from repair_app.services import institutions as registry
from repair_app.services import people

institutions = AppGroup("institutions", help="Registered credit service institutions.")

DAY = click.DateTime(["%Y-%m-%d"])
SERVICES = click.Choice(registry.SERVICES)


@institutions.command("register")
@click.option("--uscc", required=True, help="Code of an institution that is on file.")
@click.option("--service", type=SERVICES, required=True)
@click.option("--number", required=True, help="Number of the registration.")
@click.option("--from", "valid_from", type=DAY, required=True, help="The first day.")
@click.option("--until", "valid_until", type=DAY, required=True, help="The last day.")
def register(
    uscc: str, service: str, number: str, valid_from: datetime, valid_until: datetime
) -> None:
    """Register an institution for a service: only then can enterprises choose it."""
    with changing() as session:
        organisation = people.get_organisation(session, uscc)
        registry.register(
            session,
            organisation,
            service,
            number,
            valid_from=valid_from.date(),
            valid_until=valid_until.date(),
        )
        name = organisation.name
    click.echo(f"{name} is registered for {service} until {valid_until.date()}")


@institutions.command("strike-off")
@click.option("--service", type=SERVICES, required=True)
@click.option("--number", required=True, help="Number of the registration.")
def strike_off(service: str, number: str) -> None:
    """End a registration from today on; what was certified before stays."""
    with changing() as session:
        registry.strike_off(session, service, number)
    click.echo(f"{number} is struck off")


@institutions.command("list")
def list_all() -> None:
    """List the registrations that hold today."""
    for one in registry.list_registered():
        click.echo(f"{one.service}\t{one.number}\t{one.valid_until}\t{one.organisation.name}")
