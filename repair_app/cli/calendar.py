"""Working days: what the calendar says, and changing it."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from repair_app import calendar
from repair_app.calendar import REASONS
from repair_app.cli.deadlines import echo_moves
from repair_app.db import db
from repair_app.labels import Label
from repair_app.models import CalendarEdition, Role, User
from repair_app.services import calendar as keeping
from repair_app.services import people
from repair_app.services.calendar_file import (
    YEARS,
    CalendarProblem,
    DayList,
    read_file,
    single_day,
    with_source,
)

working_days = AppGroup("calendar", help="Working days.")

DAY = click.DateTime(["%Y-%m-%d"])
YEAR = click.IntRange(YEARS[0], YEARS[-1])
LANG = click.option("--lang", type=click.Choice(["zh", "en"]), default="zh")
WORKED = Label("调休上班", "worked, although at a weekend")


@working_days.command("add")
@click.argument("start", type=DAY)
@click.argument("days", type=click.IntRange(1, 1000))
@LANG
def add_days(start: datetime, days: int, lang: str) -> None:
    """Print the day that lies DAYS working days after START, and why."""
    try:
        due = calendar.add_working_days(start.date(), days, keeping.current_table())
    except OverflowError as error:
        raise click.ClickException("the calendar ends with the year 9999") from error
    click.echo(due.due_on.isoformat())
    click.echo(due.explain(lang))


@working_days.command("show")
@click.argument("year", type=YEAR)
@click.option("--edition", type=int, help="As it was with this edition (`calendar history`).")
@LANG
def show_year(year: int, edition: int | None, lang: str) -> None:
    """Print the days of YEAR that are not as their weekday says, and whether they are official."""
    try:
        found = keeping.show_year(year, edition)
    except keeping.UnknownEdition as error:
        raise click.BadParameter(f"there is no edition {edition}") from error
    known = Label("放假安排已公布", "days off announced")
    estimated = Label("放假安排尚未公布，以下为推算", "not announced: what follows is estimated")
    click.echo(f"{year}: {(known if found.announced else estimated).text(lang)}")
    for day, reason in found.unusual:
        why = REASONS[reason] if reason else WORKED
        note = found.notes.get(day, "")
        click.echo(f"{day} {why.text(lang)}{f' ({note})' if note else ''}")


@working_days.command("set")
@click.argument("day", type=DAY)
@click.option("--works", "word", flag_value="works", help="The day is worked.")
@click.option("--rest", "word", flag_value="rest", help="The day is off.")
@click.option("--usual", "word", flag_value="usual", help="Take back what was entered for it.")
@click.option("--note", required=True, help="Why, and by whose order.")
@click.option("--by", metavar="EMAIL", help="The administrator who orders it.")
def set_day(day: datetime, word: str | None, note: str, by: str | None) -> None:
    """Enter one day; every open deadline is counted anew."""
    if word is None:
        raise click.UsageError("say --works, --rest or --usual")
    if not note.strip():
        raise click.UsageError("--note: say why")
    if day.year not in YEARS:
        raise click.BadParameter(f"{day:%Y} is not within {YEARS[0]} to {YEARS[-1]}")
    works = {"works": True, "rest": False, "usual": None}[word]
    with stating_problems("calendar", "en"):
        publish(single_day(day.date(), works, note.strip()), by, dry=False)


@working_days.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--announces", type=YEAR, help="The year whose days off the file gives in full.")
@click.option("--source", help="The announcement, as people cite it.")
@click.option("--note", default="", help="Anything else worth keeping.")
@click.option("--by", metavar="EMAIL", help="The administrator who orders it.")
@click.option("--dry-run", is_flag=True, help="Change nothing; print which deadlines would move.")
@LANG
def load_file(
    *,
    file: Path,
    announces: int | None,
    source: str | None,
    note: str,
    by: str | None,
    dry_run: bool,
    lang: str,
) -> None:
    """Enter the days of FILE (lines, CSV or TOML); every open deadline is counted anew.

    A line: 2027-01-01..2027-01-03 休 元旦. A file with a mistake changes nothing.
    """
    with stating_problems(file.name, lang):
        given = read_file(file.name, file.read_bytes(), announces)
        publish(with_source(given, source) if source else given, by, note=note, dry=dry_run)


@working_days.command("history")
@LANG
def show_history(lang: str) -> None:
    """Print the editions of the calendar, newest first."""
    for one in keeping.list_editions():
        click.echo(line_of(one, lang))


def line_of(edition: CalendarEdition, lang: str) -> str:
    """Return one edition on one line."""
    by = edition.made_by.person.name if edition.made_by else Label("操作员", "operator").text(lang)
    at = edition.made_at.astimezone(calendar.SHANGHAI).strftime("%Y-%m-%d %H:%M")
    gives = f" [{edition.announces}]" if edition.announces else ""
    note = f" · {edition.note}" if edition.note and edition.note != edition.source else ""
    days = Label(f"{len(edition.days)}天", f"{len(edition.days)} days").text(lang)
    return f"{edition.id} {at} {by}{gives} {days} · {edition.source}{note}"


@contextmanager
def stating_problems(place: str, lang: str) -> Iterator[None]:
    """End the command with 2 and one line for a list that cannot be used; nothing is changed."""
    try:
        yield
    except CalendarProblem as problem:
        click.echo(f"✗ {place}: {problem.text(lang)}", err=True)
        sys.exit(2)


def publish(given: DayList, by: str | None, *, dry: bool, note: str = "") -> None:
    """Make an edition and print what it did."""
    done = keeping.publish(given, administrator(by) if by else None, note=note, dry=dry)
    if dry:
        click.echo("nothing was changed; this would be:")
    click.echo(f"edition {done.edition}: {len(given.words)} days")
    echo_days("taken back, because the new list leaves them out", done.taken_back)
    echo_days("entered one by one before, and kept", done.kept)
    echo_moves(done.moved)


def echo_days(what: str, days: Sequence[date]) -> None:
    """Print days after what is said of them, if there are any."""
    if days:
        click.echo(f"{what}: {', '.join(map(str, days))}")


def administrator(email: str) -> User:
    """Return the account of an administrator. Raises click.BadParameter for anybody else."""
    try:
        user = people.get_account(db.session(), email)
    except people.NotPossible as problem:
        raise click.BadParameter(str(problem)) from problem
    if not user.holds(Role.ADMINISTRATOR):
        raise click.BadParameter(f"{email} is no administrator")
    return user
