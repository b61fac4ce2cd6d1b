"""Deadlines over all cases."""

from collections.abc import Sequence

import click
from flask.cli import AppGroup

from repair_app.alarms import KINDS
from repair_app.db import today
from repair_app.models import Deadline
from repair_app.services import deadlines as terms
from repair_app.services.policy import current_policy

deadlines = AppGroup("deadlines", help="Terms: what runs, what is over, and why.")

LANG = click.option("--lang", type=click.Choice(["zh", "en"]), default="zh")
SHOWN = 20


@deadlines.command("list")
@click.option("--overdue", is_flag=True, help="Only what is over.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100)
def list_terms(overdue: bool, limit: int) -> None:
    """Print running terms, the most urgent first."""
    find = terms.list_overdue if overdue else terms.list_running
    for one in find(limit):
        click.echo(line_of(one))


@deadlines.command("explain")
@click.argument("ref")
@LANG
def explain(ref: str, lang: str) -> None:
    """Print how each term of the case, requirement, record or sanction REF was counted."""
    try:
        found = terms.explain(ref)
    except terms.NoTerm as error:
        raise click.ClickException(f"{ref} has no deadline") from error
    for one in found:
        click.echo(line_of(one.term))
        click.echo(f"  {one.sentence(lang)}")
        for line in one.lines(lang, current_policy()):
            click.echo(f"  - {line}")


@deadlines.command("recompute")
@click.option("--dry-run", is_flag=True, help="Change nothing; print what would move.")
def recompute(dry_run: bool) -> None:
    """Count every open deadline anew, by the calendar in force and the ledger."""
    echo_moves(terms.recompute_all(dry=dry_run))


@deadlines.command("alarms")
@LANG
def alarms(lang: str) -> None:
    """Print what could not be computed and is not mended yet."""
    for one in terms.list_alarms():
        click.echo(
            f"{one.raised_at:%Y-%m-%d %H:%M}Z {KINDS[one.kind].text(lang)}: "
            f"{one.entity_ref} {one.about}: {one.text}"
        )


def line_of(term: Deadline) -> str:
    """Return one term on one line: due day, whose turn, what for, and its standing."""
    marks = [
        word
        for word, holds in (
            ("met", term.met_at is not None),
            ("overdue", term.met_at is None and term.is_over(today())),
            ("stopped", term.met_at is None and term.paused_on is not None),
            ("provisional", term.provisional),
        )
        if holds
    ]
    return " ".join([term.due_on.isoformat(), term.entity_ref, term.clock, term.owner, *marks])


def echo_moves(moved: Sequence[terms.Move]) -> None:
    """Print which deadlines moved, the first of them by name."""
    click.echo(f"{len(moved)} open deadlines moved")
    for one in moved[:SHOWN]:
        click.echo(f"  {one.entity_ref} {one.clock}: {one.before} -> {one.after}")
    if len(moved) > SHOWN:
        click.echo(f"  … {len(moved) - SHOWN} more")
