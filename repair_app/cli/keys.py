"""The keys of encrypted columns, from the command line."""

import os
import secrets
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from repair_app import sealing
from repair_app.services import field_keys

NAME = "REDRESS_FIELD_KEY"
FILE = "field_keys"
keys = AppGroup("keys", help="Keys that contacts of people are encrypted with.")


@keys.command("fields")
def show_fields() -> None:
    """Show which keys there are, and how many values lie under each; no key is shown."""
    counts, ring = field_keys.count_by_key(), sealing.ring()
    for name in ring.by_name:
        first = "  (writes)" if name == ring.first.name else ""
        click.echo(f"{name}  {counts.pop(name, 0)}{first}")
    if plain := counts.pop(field_keys.PLAIN, 0):
        click.echo(f"not encrypted  {plain}: run `flask keys rotate-fields`")
    if counts:
        raise click.ClickException(str(sealing.NotOpened(sealing.missing_text(sorted(counts)))))


@keys.command("new-field-key")
def add_field_key() -> None:
    """Make a new key, and have it encrypt from now on; those before still decrypt."""
    made = secrets.token_urlsafe(48)
    if os.environ.get(NAME):
        click.echo(
            f"{NAME} is set by the environment. Write in front of what it is, on every node:"
        )
        click.echo(made)
        return
    path: Path = current_app.config["DATA_FOLDER"] / FILE
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{made}\n{path.read_text()}")
    new.replace(path)
    click.echo(f"{sealing.derive(made).name} was made. Start the site anew, then rotate-fields.")


@keys.command("rotate-fields")
def rotate_fields() -> None:
    """Write every value under the first key; the others can then be taken away."""
    try:
        total = field_keys.rotate()
    except sealing.NotOpened as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"✓ {total} values are now under {sealing.ring().first.name}")
