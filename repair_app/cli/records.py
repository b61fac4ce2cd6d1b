"""Credit records: bring in, expire."""

import sys
from pathlib import Path

import click
from flask.cli import AppGroup

from repair_app.penalty_format import FileProblem, write_verdicts
from repair_app.services import imports, publication

records = AppGroup("records", help="Credit records: bring in, expire.")


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
