"""The history's tree from the command line: sequencing, keys, proofs."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask.cli import AppGroup

from repair_app import merkle
from repair_app.db import db, now
from repair_app.notes import Signer
from repair_app.services.cases import NotVisible
from repair_app.services.tree import bundle, keys, log

history = AppGroup("history", help="The tree over all events: checkpoints, keys, proofs.")

NOT_SIGNED = "run `flask history sequence`, or let a worker run"


@contextmanager
def saying_why() -> Iterator[None]:
    """End the command with one line where a key cannot be used."""
    try:
        yield
    except keys.NoKey as problem:
        raise click.ClickException(str(problem)) from problem


@history.command("sequence")
def sequence() -> None:
    """Give every event that waits its place, and sign a checkpoint; a worker does so every 10 s."""
    done = log.sequence(now())
    found = log.newest(db.session())
    click.echo(f"✓ {done} events got their places")
    signed = found.size if found else 0
    since = log.unsigned_since(db.session())
    if since is not None:
        raise click.ClickException(f"no checkpoint beyond event {signed}: see the alarms")
    click.echo(f"✓ signed up to event {signed}")


@history.command("show")
def show() -> None:
    """Show the newest checkpoint as it was signed, with what witnesses said of it."""
    click.echo(log.newest_note(db.session()) or "", nl=False)


@history.command("keys")
def show_keys() -> None:
    """Show the public keys of the log, a line each: what verifiers have to know beforehand."""
    for one in keys.list_signers(db.session()):
        until = "" if one.to_size is None else f"-{one.to_size}"
        click.echo(f"{one.vkey}  (from {one.from_size}{until})")


@history.command("new-key")
def make_key() -> None:
    """Make a private key for a new log, and write it to the standard output; it is kept nowhere."""
    click.echo(Signer.make(keys.name_log()).write())


@history.command("prove")
@click.argument("first", type=click.IntRange(min=1))
@click.argument("second", type=click.IntRange(min=1))
def prove(first: int, second: int) -> None:
    """Prove that the tree of SECOND events holds the one of FIRST unchanged (RFC 9162, 2.1.4).

    Shows both roots and the hashes between, in base64, a line each.
    """
    tiles = log.Tiles(db.session())
    try:
        proof = merkle.prove_consistency(first, second, tiles.hash_of)
        roots = [merkle.root_of(one, tiles.hash_of) for one in (first, second)]
    except (IndexError, LookupError) as problem:
        raise click.ClickException(f"there is no such proof: {problem}") from problem
    for one in (*roots, *proof):
        click.echo(b64encode(one).decode())


@history.command("bundle")
@click.argument("ref")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
def write_bundle(ref: str, output: Path) -> None:
    """Write the proof bundle of a case, with all texts, to a new file: it verifies offline."""
    try:
        content = bundle.of_office(ref)
    except NotVisible as problem:
        raise click.ClickException(f"there is no case {ref}") from problem
    except bundle.NotSigned as problem:
        raise click.ClickException(f"{ref} is in no checkpoint yet: {NOT_SIGNED}") from problem
    try:
        with output.open("xb") as file:
            output.chmod(0o600)
            file.write(content)
    except OSError as problem:
        raise click.ClickException(f"{output}: {problem.strerror}") from problem
    click.echo(f"✓ {output}: unpack it, and run verify.py")


@history.command("rotate")
def rotate() -> None:
    """Have a new key sign beside the present one, from the next checkpoint on."""
    with saying_why():
        click.echo(f"✓ signs as well from now on: {keys.rotate()}")


@history.command("retire")
def retire() -> None:
    """Destroy the former of two keys; the other goes on alone."""
    with saying_why():
        click.echo(f"✓ signs no more: {keys.retire()}")
