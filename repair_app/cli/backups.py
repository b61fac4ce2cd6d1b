"""Backups: make one, check one, put one back; where the ledger is."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask.cli import with_appcontext

from repair_app.services import backups

PATH = click.Path(path_type=Path, resolve_path=True)


@click.command()
@click.argument("target", type=PATH)
@click.option("--without-keys", is_flag=True, help="Leave keys and salts out; keep them elsewhere.")
@with_appcontext
def backup(target: Path, without_keys: bool) -> None:
    """Write a backup to TARGET, a new folder, or a new file that ends in .tar.

    Others may write meanwhile. It holds all data and the keys of the data folder: keep it where
    only you can read. Secrets that the environment gives are not in it; it says which. Papers that
    are damaged in the store are copied as they are and named, with exit 1: the backup was made.
    """
    with saying_why():
        made, damaged = backups.make(target, with_keys=not without_keys)
    mark = "!" if damaged else "✓"
    click.echo(
        f"{mark} {target}: {made.position.events} events up to number {made.position.last_event}, "
        f"{made.objects} objects, {made.size / 1e6:.1f} MB"
    )
    warn_of_secrets(made.from_environment, "not in it, as the environment gives them; keep a copy")
    if damaged:
        click.echo(
            "! the backup was made, and holds papers that are damaged in the store already: "
            "keep the earlier backups, which may have them whole",
            err=True,
        )
    tell(damaged)


@click.command("verify-backup")
@click.argument("target", type=PATH)
@with_appcontext
def verify_backup(target: Path) -> None:
    """Check a backup: every file, every chain, every paper; exit 1 and name what is wrong."""
    since = time.monotonic()
    with saying_why():
        manifest, told = backups.verify(target)
    tell(told)
    click.echo(
        f"✓ {target} of {manifest.made_at}: {manifest.position.events} events, every chain whole; "
        f"{manifest.objects} objects ({time.monotonic() - since:.1f} s)"
    )


@click.command()
@click.argument("target", type=PATH)
@click.option("--expect", type=PATH, help="A newer position of the ledger, kept outside.")
@click.option("--despite-damage", is_flag=True, help="Go on where files are damaged or missing.")
@with_appcontext
def restore(target: Path, expect: Path | None, despite_damage: bool) -> None:
    """Put a backup into the empty store of the settings, and prove that nothing is missing.

    Exit 1 and name what is missing; what was restored stays.
    """
    with saying_why():
        expected = backups.read_expected(expect) if expect else None
        found = backups.restore(target, expected, despite_damage=despite_damage)
    absent = [name for name in found.manifest.from_environment if not os.environ.get(name)]
    warn_of_secrets(absent, "not in the backup and not set here; give the former ones")
    for number in found.own_notes:
        click.echo(
            f"  event {number} is the note that this backup was made, written after it: "
            "it cannot be in it, and is not missing"
        )
    tell(found.missing)
    click.echo("✓ restored: nothing is missing, every chain whole")


@click.command()
@click.argument("target", type=PATH, required=False)
@with_appcontext
def position(target: Path | None) -> None:
    """Tell where the ledger is, or write it to TARGET, to be kept outside the store."""
    content = json.dumps(backups.tell_position().as_dict(), indent=1)
    if target is None:
        click.echo(content)
    else:
        target.write_text(content, encoding="utf-8")


@contextmanager
def saying_why() -> Iterator[None]:
    """End a command with one line where a backup or restore cannot be begun."""
    try:
        yield
    except backups.NotPossible as error:
        raise click.ClickException(str(error)) from error


def warn_of_secrets(names: list[str], why: str) -> None:
    """Say in one line which secrets a backup lacks, if any."""
    if names:
        click.echo(f"! {', '.join(names)}: {why}", err=True)


def tell(told: list[str]) -> None:
    """Name what is wrong and exit with 1, if anything is."""
    for one in told:
        click.echo(f"✗ {one}", err=True)
    if told:
        sys.exit(1)
