"""Machine clients, from the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup

from repair_app.cli.accounts import ROLES, account_of, organisation_of, refusing
from repair_app.models import Role
from repair_app.models.clients import SCOPES
from repair_app.services import clients as registering
from repair_app.services import people
from repair_app.services.cases import NotVisible

clients = AppGroup("clients", help="Systems of organisations that use the interface.")


@clients.command("add")
@click.option("--name", required=True, help="What the system is called.")
@click.option("--email", required=True, help="Account of the person who answers for it.")
@click.option("--uscc", required=True, help="Code of the organisation it acts for.")
@click.option("--role", type=ROLES, required=True)
@click.option("--scope", multiple=True, required=True, type=click.Choice(list(SCOPES)))
def add_client(*, name: str, email: str, uscc: str, role: str, scope: tuple[str, ...]) -> None:
    """Register a client; its secret is shown once."""
    with refusing():
        user, organisation = account_of(email), organisation_of(uscc)
        seat = people.find_appointment(user, organisation, Role(role))
        if seat is None:
            raise people.NotPossible(people.not_held(user, organisation, Role(role)))
        issued = registering.register(None, seat, name, scope)
    show(issued)


@clients.command("rotate")
@click.argument("client_id")
def rotate_client(client_id: str) -> None:
    """Give a client a new secret; the former is good for 7 more days."""
    with refusing(), naming(client_id):
        show(registering.rotate(None, client_id))


@clients.command("revoke")
@click.argument("client_id")
def revoke_client(client_id: str) -> None:
    """End a client and its tokens at once."""
    with refusing(), naming(client_id):
        registering.revoke(None, client_id)
    click.echo(f"{client_id} is revoked")


@contextmanager
def naming(client_id: str) -> Iterator[None]:
    """End the command with one line where there is no such client."""
    try:
        yield
    except NotVisible as problem:
        raise click.ClickException(f"there is no client {client_id}") from problem


def show(issued: registering.Issued) -> None:
    """Print a client and its secret."""
    click.echo(f"client_id      {issued.client.client_id}")
    click.echo(f"client_secret  {issued.secret}   (kept nowhere: write it down)")
    click.echo(f"scopes         {' '.join(issued.client.scopes)}")
