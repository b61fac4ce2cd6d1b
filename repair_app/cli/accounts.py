"""Accounts, roles and organisations on file."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click
from flask.cli import AppGroup

from repair_app.cli.calendar import administrator
from repair_app.db import db
from repair_app.models import Organisation, Role, User
from repair_app.penalty_format.uscc import LENGTH
from repair_app.services import administration, people
from repair_app.services import organisations as placing
from repair_app.services.administration import Newcomer, Seat

accounts = AppGroup("accounts", help="Accounts and roles.")
organisations = AppGroup("organisations", help="Enterprises, agencies and institutions on file.")

ROLES = click.Choice([one.value for one in Role if one is not Role.SYSTEM])


@contextmanager
def refusing() -> Iterator[None]:
    """End the command with one line where something is not possible."""
    try:
        yield
    except people.NotPossible as problem:
        raise click.ClickException(str(problem)) from problem


def organisation_of(uscc: str) -> Organisation:
    """Return the organisation of a code. Raises NotPossible."""
    return people.get_organisation(db.session(), uscc)


def id_of(given: str) -> int:
    """Return the id of an organisation, by its code or by the id. Raises NotPossible."""
    by_id = given.isdecimal() and len(given) < LENGTH  # codes may be digits, too
    organisation = db.session().get(Organisation, int(given)) if by_id else None
    return (organisation or organisation_of(given)).id


def account_of(email: str) -> User:
    """Return the account of an address. Raises NotPossible."""
    return people.get_account(db.session(), email)


@accounts.command("add")
@click.option("--email", required=True)
@click.option("--name", help="Name of a person who has no account yet.")
@click.option("--same-person-as", metavar="EMAIL", help="An account that the person has already.")
@click.option("--uscc", required=True, help="Code of an organisation that is on file.")
@click.option("--role", type=ROLES, required=True)
@click.option("--scope", multiple=True, type=click.Choice(people.AGENT_SCOPES))
@click.password_option()
def add_account(
    *,
    email: str,
    name: str | None,
    same_person_as: str | None,
    uscc: str,
    role: str,
    scope: tuple[str, ...],
    password: str,
) -> None:
    """Add an account with one role for one organisation.

    Two accounts of one person are one pair of eyes: say so with --same-person-as.
    """
    if bool(name) == bool(same_person_as):
        raise click.UsageError("either --name or --same-person-as says who it is")
    with refusing():
        organisation = organisation_of(uscc)
        who = Newcomer(email, name or "", same_person_as or "")
        seat = Seat(organisation.id, Role(role), scope)
        administration.open_account(None, who, seat, password)
    click.echo(f"{email} is {role} for {organisation.name}")


@accounts.command("appoint")
@click.option("--email", required=True)
@click.option("--uscc", required=True, help="Code of an organisation that is on file.")
@click.option("--role", type=ROLES, required=True)
@click.option("--scope", multiple=True, type=click.Choice(people.AGENT_SCOPES))
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day.")
def appoint(
    email: str, uscc: str, role: str, scope: tuple[str, ...], until: datetime | None
) -> None:
    """Give the person of an account a further role, or one that had ended."""
    with refusing():
        organisation = organisation_of(uscc)
        seat = Seat(organisation.id, Role(role), scope, until.date() if until else None)
        administration.appoint(None, account_of(email).id, seat)
    click.echo(f"{email} is {role} for {organisation.name}")


@accounts.command("end")
@click.option("--email", required=True)
@click.option("--uscc", help="Code of the organisation that the role is for.")
@click.option("--role", type=ROLES, help="The role that ends; without it the account is closed.")
def end(email: str, uscc: str | None, role: str | None) -> None:
    """End a role for an organisation; without --uscc and --role, close the account."""
    if bool(uscc) != bool(role):
        raise click.UsageError("--uscc and --role go together")
    with refusing():
        user = account_of(email)
        if not (uscc and role):
            administration.close(None, user.id)
            done = "closed"
        else:
            organisation = organisation_of(uscc)
            administration.end(None, administration.seat_for(user, organisation, Role(role)).id)
            done = f"no longer {role} for {organisation.name}"
    click.echo(f"{email} is {done}")


@organisations.command("rename")
@click.option("--uscc", required=True, help="Code of an organisation that is on file.")
@click.option("--name", required=True, help="The name that it bears now.")
def rename(uscc: str, name: str) -> None:
    """Correct the name of an organisation; its code and everything on file stay."""
    with refusing():
        former = placing.rename(None, organisation_of(uscc).id, name)
    click.echo(f"{uscc}: {former} -> {name.strip()}")


@organisations.command("superior")
@click.option("--uscc", required=True, help="Code of an agency or credit centre on file.")
@click.option("--superior", metavar="USCC", help="Code of the next unit up.")
@click.option("--none", "is_top", is_flag=True, help="Nobody stands above it.")
@click.option("--by", metavar="EMAIL", help="The administrator who orders it, for the ledger.")
def set_superior(uscc: str, superior: str | None, is_top: bool, by: str | None) -> None:
    """Say which unit is the next one up: it gets what is late, and reviews."""
    if bool(superior) == is_top:
        raise click.UsageError("either --superior or --none says where it stands")
    with refusing():
        user = administrator(by) if by else None
        placed = placing.place(user, organisation_of(uscc).id, superior)
        above = placed.superior.name if placed.superior else "nobody"
    click.echo(f"{placed.name} stands under {above}")
