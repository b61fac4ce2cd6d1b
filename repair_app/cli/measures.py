"""The catalogue of measures: putting another one in force."""

import sys
from pathlib import Path

import click
from flask.cli import AppGroup

from repair_app.cli.calendar import LANG, administrator
from repair_app.services import catalogue
from repair_app.services.catalogue_file import CatalogueProblem, read_file

measures = AppGroup("measures", help="The catalogue of measures.")


@measures.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="The announcement, as people cite it.")
@click.option("--by", metavar="EMAIL", help="The administrator who orders it.")
@click.option("--dry-run", is_flag=True, help="Change nothing; print what would change.")
@LANG
def load_file(*, file: Path, source: str, by: str | None, dry_run: bool, lang: str) -> None:
    """Put the catalogue of FILE in force; from then on it is the store's own.

    A file with a mistake changes nothing.
    """
    user = administrator(by) if by else None
    try:
        given = read_file(file)
        done = catalogue.preview(given) if dry_run else catalogue.apply(given, user, source)
    except CatalogueProblem as problem:
        click.echo(f"✗ {file.name}: {problem.text(lang)}", err=True)
        sys.exit(2)
    if dry_run:
        click.echo("nothing was changed; this would be:")
    for one in done.changes:
        click.echo(f"{one.after.code} {one.kind}: {', '.join(one.fields)} ({one.running} running)")
