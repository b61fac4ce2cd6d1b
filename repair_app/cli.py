"""Commands: `python3 manage.py flask …`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.orm import Session

from config import ROOT
from repair_app import calendar, ledger, schema
from repair_app.db import db, today
from repair_app.engine.drawing import draw_page
from repair_app.engine.policy import unreleased, write_releases
from repair_app.models import Role
from repair_app.penalty_format import FileProblem, write_verdicts
from repair_app.services import catalogue, imports, people, publication
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

PAGES = ROOT / "docs" / "workflows"

workflows = AppGroup("workflows", help="The policy as data.")
rules = AppGroup("rules", help="The dated rule packs.")
records = AppGroup("records", help="Credit records: bring in, expire.")
working_days = AppGroup("calendar", help="Working days.")
accounts = AppGroup("accounts", help="Accounts and roles.")
organisations = AppGroup("organisations", help="Enterprises, agencies and institutions on file.")


def add_commands(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (
        workflows,
        rules,
        records,
        working_days,
        accounts,
        organisations,
        prepare,
        verify,
    ):
        app.cli.add_command(command)


@click.command()
@click.option("--empty", is_flag=True, help="Add no demonstration data.")
@with_appcontext
def prepare(empty: bool) -> None:
    """Make the store ready: migrate, load the catalogue, add the demonstration data once."""
    schema.bring_up()
    catalogue.load_measures(current_app.config["WORKFLOWS"] / "measures.toml")
    if not empty:
        from repair_app.demo import add_demo

        add_demo()


@click.command()
@click.option("--all", "everything", is_flag=True, help="Check every chain (the default).")
@click.option("--stream", help="Check the chain of one case or record.")
@with_appcontext
def verify(everything: bool, stream: str | None) -> None:
    """Check the ledger; name the first bad event and exit with 1."""
    if everything and stream:
        raise click.UsageError("--all and --stream exclude each other")
    count, flaw = ledger.verify(db.session(), stream)
    if flaw:
        click.echo(f"✗ {flaw.stream}, event {flaw.seq}: {flaw.problem} ({count} events read)")
        sys.exit(1)
    if stream and not count:  # a typing mistake must not read as a proof
        raise click.ClickException(f"there is no chain {stream}")
    click.echo(f"✓ {count} events, every chain whole")


# --- workflows ---


@workflows.command("check")
def check_workflows() -> None:
    """Load the policy; a released version must not have changed."""
    policy = current_policy()  # loading it checked everything else
    for one in policy.current.values():
        click.echo(f"✓ {one.name} {one.version}: {len(one.states)} states")
    new = unreleased(releases_file(), policy.workflows.values(), policy.packs.values())
    if new:
        names = ", ".join(f"{one.name} {one.version}" for one in new)
        raise click.ClickException(f"not in releases.toml: {names} (`workflows release`)")


@workflows.command("release")
def release_workflows() -> None:
    """Write the content hash of every new version and rule pack into releases.toml."""
    for one in write_releases(releases_file(), current_policy()):
        click.echo(f"released {one.name} {one.version}")


def releases_file() -> Path:
    """Return the file that says what was released."""
    folder: Path = current_app.config["WORKFLOWS"]
    return folder / "releases.toml"


@workflows.command("draw")
@click.option("--check", is_flag=True, help="Write nothing; fail when a page is out of date.")
def draw_workflows(check: bool) -> None:
    """Write docs/workflows/*.md."""
    PAGES.mkdir(parents=True, exist_ok=True)
    for one in current_policy().current.values():
        path, page = PAGES / f"{one.name}.md", draw_page(one)
        if check and (not path.exists() or path.read_text(encoding="utf-8") != page):
            raise click.ClickException(f"{path.name} is out of date (`workflows draw`)")
        if not check:
            path.write_text(page, encoding="utf-8")


# --- rules ---


@rules.command("check")
def check_rules() -> None:
    """Load the rule packs and list them."""
    policy = current_policy()
    for pack in policy.packs.values():
        mark = "*" if pack.id == policy.pack_for(today(), today()).id else " "
        click.echo(f"{mark} {pack.id} {pack.sha256[:12]}")


# --- records ---


def refuse_unwritable(path: Path) -> None:
    """Stop with exit code 2 when a file cannot be written."""
    try:
        path.open("a").close()
    except OSError as error:
        click.echo(f"✗ {path}: {error.strerror}", err=True)
        sys.exit(2)


@records.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--verdicts", type=click.Path(dir_okay=False, path_type=Path), help="Write a CSV.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Of the messages.")
def import_records(file: Path, verdicts: Path | None, lang: str) -> None:
    """Bring in a file of penalties in the national format (CSV or XLSX).

    Exit 0 when the file was read, even with refused rows; 2 when it cannot be read.
    """
    if verdicts:
        refuse_unwritable(verdicts)  # before anything is brought in
    try:
        summary = imports.bring_in_file(file.read_bytes(), file.name)
    except FileProblem as problem:
        click.echo(f"✗ {problem.text(lang)}", err=True)
        sys.exit(2)
    batch = imports.find_batch(summary.ref, None)
    if verdicts and batch:
        write_verdicts(verdicts, imports.list_verdicts(batch.id, lang))
    for name in summary.unknown_columns:
        click.echo(f"? column not read: {name}")
    for name in summary.unread_sheets:
        click.echo(f"? sheet not read: {name}")
    click.echo(f"{summary.ref}: " + ", ".join(f"{n} {word}" for word, n in summary.counts.items()))


@records.command("expire")
def expire() -> None:
    """Archive records whose maximum period is over; end sanctions whose term is over."""
    click.echo(f"{publication.expire_records()} records expired")
    click.echo(f"{publication.lapse_sanctions()} sanctions lapsed")


# --- calendar ---


@working_days.command("add")
@click.argument("start", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("days", type=click.IntRange(1, 1000))
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh")
def add_days(start: datetime, days: int, lang: str) -> None:
    """Print the day that lies DAYS working days after START, and why."""
    due = calendar.add_working_days(start.date(), days)
    click.echo(due.due_on.isoformat())
    click.echo(due.explain(lang))


# --- accounts and organisations ---

ROLES = click.Choice([one.value for one in Role if one is not Role.SYSTEM])


@contextmanager
def changing() -> Iterator[Session]:
    """Give a transaction in which what is not possible ends the command with one line."""
    try:
        with transaction() as session:
            yield session
    except people.NotPossible as problem:
        raise click.ClickException(str(problem)) from problem


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
    with changing() as session:
        organisation = people.get_organisation(session, uscc)
        person = people.get_account(session, same_person_as).person if same_person_as else None
        people.add_account(
            session,
            email,
            name or "",
            password,
            organisation,
            Role(role),
            scope=scope,
            person=person,
        )
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
    with changing() as session:
        organisation = people.get_organisation(session, uscc)
        people.appoint(
            session,
            people.get_account(session, email),
            organisation,
            Role(role),
            scope=scope,
            ends_on=until.date() if until else None,
        )
    click.echo(f"{email} is {role} for {organisation.name}")


@accounts.command("end")
@click.option("--email", required=True)
@click.option("--uscc", help="Code of the organisation that the role is for.")
@click.option("--role", type=ROLES, help="The role that ends; without it the account is closed.")
def end(email: str, uscc: str | None, role: str | None) -> None:
    """End a role for an organisation; without --uscc and --role, close the account."""
    if bool(uscc) != bool(role):
        raise click.UsageError("--uscc and --role go together")
    with changing() as session:
        user = people.get_account(session, email)
        if not (uscc and role):
            people.close_account(user)
            done = "closed"
        else:
            organisation = people.get_organisation(session, uscc)
            people.end_appointment(user, organisation, Role(role))
            done = f"no longer {role} for {organisation.name}"
    click.echo(f"{email} is {done}")


@organisations.command("rename")
@click.option("--uscc", required=True, help="Code of an organisation that is on file.")
@click.option("--name", required=True, help="The name that it bears now.")
def rename(uscc: str, name: str) -> None:
    """Correct the name of an organisation; its code and everything on file stay."""
    with changing() as session:
        former = people.rename_organisation(session, uscc, name)
    click.echo(f"{uscc}: {former} -> {name.strip()}")
