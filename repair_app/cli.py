"""Commands: `python3 manage.py flask …`."""

import sys
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_migrate import upgrade

from config import ROOT
from repair_app import calendar, ledger
from repair_app.db import db, today
from repair_app.engine.drawing import draw_page
from repair_app.engine.policy import unreleased
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


def add_commands(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (workflows, rules, records, working_days, accounts, prepare, verify):
        app.cli.add_command(command)


@click.command()
@click.option("--empty", is_flag=True, help="Add no demonstration data.")
@with_appcontext
def prepare(empty: bool) -> None:
    """Make the store ready: migrate, load the catalogue, add the demonstration data once."""
    upgrade()
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
    count, flaw = ledger.verify(db.session(), None if everything else stream)
    if flaw:
        click.echo(f"✗ {flaw.stream}, event {flaw.seq}: {flaw.problem} ({count} events read)")
        sys.exit(1)
    click.echo(f"✓ {count} events, every chain whole")


# --- workflows ---


@workflows.command("check")
def check_workflows() -> None:
    """Load the policy; a released version must not have changed."""
    policy = current_policy()  # loading it checked everything else
    for one in policy.current.values():
        click.echo(f"✓ {one.name} {one.version}: {len(one.states)} states")
    new = unreleased(current_app.config["WORKFLOWS"] / "releases.toml", policy.current.values())
    if new:
        names = ", ".join(f"{one.name} {one.version}" for one in new)
        raise click.ClickException(f"not in releases.toml: {names} (`workflows release`)")


@workflows.command("release")
def release_workflows() -> None:
    """Write the content hash of every new version into releases.toml."""
    path = current_app.config["WORKFLOWS"] / "releases.toml"
    lines = [] if path.exists() else ["# Released versions and their content: never changed.\n"]
    for one in unreleased(path, current_policy().current.values()):
        lines.append(f'\n[{one.name}]\n"{one.version}" = "{one.sha256}"\n')
        click.echo(f"released {one.name} {one.version}")
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


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


@records.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--verdicts", type=click.Path(dir_okay=False, path_type=Path), help="Write a CSV.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Of the messages.")
def import_records(file: Path, verdicts: Path | None, lang: str) -> None:
    """Bring in a file of penalties in the national format (CSV or XLSX).

    Exit 0 when the file was read, even with refused rows; 2 when it cannot be read.
    """
    try:
        summary = imports.bring_in_file(file.read_bytes(), file.name)
    except FileProblem as problem:
        click.echo(f"✗ {problem.text(lang)}", err=True)
        sys.exit(2)
    batch = imports.find_batch(summary.ref, None)
    if verdicts and batch:
        write_verdicts(verdicts, imports.list_verdicts(batch.id, lang))
    for name in summary.unknown_columns:
        click.echo(f"? {name}")
    click.echo(f"{summary.ref}: " + ", ".join(f"{n} {word}" for word, n in summary.counts.items()))


@records.command("expire")
def expire() -> None:
    """Archive records whose maximum period is over; end sanctions whose term is over."""
    click.echo(f"{publication.expire_records()} records expired")
    click.echo(f"{publication.lapse_sanctions()} sanctions lapsed")


# --- calendar ---


@working_days.command("add")
@click.argument("start", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("days", type=click.IntRange(0, 1000))
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh")
def add_days(start: object, days: int, lang: str) -> None:
    """Print the day that lies DAYS working days after START, and why."""
    due = calendar.add_working_days(start.date(), days)  # type: ignore[attr-defined]  # a datetime
    click.echo(due.due_on.isoformat())
    click.echo(due.explain(lang))


# --- accounts ---


@accounts.command("add")
@click.option("--email", required=True)
@click.option("--name", required=True, help="Name of the person.")
@click.option("--uscc", required=True, help="Code of an organisation that is on file.")
@click.option(
    "--role", type=click.Choice([one for one in Role if one != Role.SYSTEM]), required=True
)
@click.option("--scope", multiple=True, type=click.Choice(people.AGENT_SCOPES))
@click.password_option()
def add_account(
    email: str, name: str, uscc: str, role: str, scope: tuple[str, ...], password: str
) -> None:
    """Add an account with one role for one organisation."""
    organisation = people.find_organisation(uscc)
    if organisation is None:
        raise click.ClickException(f"{uscc} is not on file")
    try:
        with transaction() as session:
            organisation = session.merge(organisation)
            people.add_account(
                session, email, name, password, organisation, Role(role), scope=scope
            )
    except people.NotPossible as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"{email} is {role} for {organisation.name}")
