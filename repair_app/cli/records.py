"""Credit records: bring in, push to a site, expire."""

import sys
from pathlib import Path

import click
from flask.cli import AppGroup

from repair_app.cli import pushing
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
        with file.open("rb") as content:
            summary = imports.bring_in_file(content, file.name)
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


@records.command("push")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "site", required=True, help="The site, such as https://credit.example.cn")
@click.option("--client", required=True, envvar="REDRESS_CLIENT", help="(or REDRESS_CLIENT)")
@click.option(
    "--secret", required=True, envvar="REDRESS_CLIENT_SECRET", help="(or REDRESS_CLIENT_SECRET)"
)
@click.option("--kind", default="penalties", show_default=True, help="What its rows are.")
@click.option("--resume", metavar="REF", help="Go on with a file that was begun.")
@click.option("--wait/--no-wait", default=True, help="Until it has been read.")
def push_file(
    file: Path, *, site: str, client: str, secret: str, kind: str, resume: str | None, wait: bool
) -> None:
    """Send a file to a site in parts, and see it read; interrupted, it goes on where it stopped.

    Exit 0 when it was read; 1 when it could not be sent, or read.
    """
    try:
        with pushing.Site(site, client, secret) as there:
            state = there.begin(file, kind, resume)
            click.echo(state["ref"])
            with click.progressbar(length=state["size"], label="sent", file=sys.stderr) as bar:
                bar.update(state["received"])
                for sent in there.send(file, state):
                    bar.update(sent)
            if wait:
                with click.progressbar(length=1000, label="read", file=sys.stderr) as bar:
                    for state in there.watch(state["ref"]):  # noqa: B020  # the newest is kept
                        bar.update(round(1000 * state["read"]) - bar.pos)
    except pushing.Failed as failure:
        click.echo(f"✗ {failure}", err=True)
        sys.exit(1)
    if wait:
        click.echo(", ".join(f"{n} {word}" for word, n in state["verdicts"].items()))
        if state["problem"]:
            click.echo(f"✗ {state['problem']['message']['zh']}", err=True)
            sys.exit(1)


@records.command("expire")
def expire() -> None:
    """Archive records whose maximum period is over; end sanctions whose term is over."""
    click.echo(f"{publication.expire_records()} records expired")
    click.echo(f"{publication.lapse_sanctions()} sanctions lapsed")
