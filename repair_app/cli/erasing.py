"""Erasing what is said of a person, from the command line."""

import click
from flask.cli import AppGroup

from repair_app.cli.accounts import account_of, refusing
from repair_app.services import erasure

erase = AppGroup("erase", help="Erase what is said of a person; the chains stay whole.")
WHY = click.option("--reason", required=True, help="Why; it is kept beside the event.")


@erase.command("words")
@click.argument("stream")
@click.argument("seq", type=int)
@WHY
def erase_words(stream: str, seq: int, reason: str) -> None:
    """Erase what was written with the event SEQ of the chain STREAM."""
    with refusing():
        erasure.erase_words(stream, seq, reason)
    click.echo(f"✓ the words of event {seq} of {stream} are gone")


@erase.command("complainant")
@click.argument("ref")
@WHY
def erase_complainant(ref: str, reason: str) -> None:
    """Erase contact, words and papers of who complained in the case REF; their hashes stay."""
    with refusing():
        gone, needed = erasure.erase_complainant(ref, reason)
    click.echo(f"✓ who complained in {ref} is gone, with {gone} papers")
    if needed:
        click.echo(f"  {needed} more are papers of other matters as well, and stay there")


@erase.command("account")
@click.option("--email", required=True, help="Of an account that was deactivated.")
@WHY
def erase_account(email: str, reason: str) -> None:
    """Erase the person of a deactivated account, and what only this account has."""
    with refusing():
        user = account_of(email)
        number = user.id
        erasure.erase_account(number, reason)
    click.echo(f"✓ account {number} is nobody's")
