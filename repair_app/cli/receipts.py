"""Receipts of the enforcement gate, from the command line."""

import json
import sys
from typing import Any, TextIO

import click
from flask import current_app
from flask.cli import AppGroup

from repair_app import receipts as receipting
from repair_app.services import gate

receipts = AppGroup("receipts", help="Signed answers of the enforcement gate.")


@receipts.command("verify")
@click.argument("file", type=click.File(encoding="utf-8"))
def verify_receipts(file: TextIO) -> None:
    """Verify receipts, one a line, and show what they say; exit with 1 at the first bad one.

    FILE: of receipts, or of the answers as they were received (JSON); - reads the standard input.
    An answer has to say what its receipt says.
    """
    ring = gate.keyring()
    found = list(read_receipts(file.read()))
    if not found:
        raise click.ClickException("there is no receipt in it")
    for number, (receipt, answer) in enumerate(found, 1):
        try:
            content = ring.open(receipt)
            if answer is not None and answer != content:
                raise receipting.Invalid("the answer around it says something else")
        except receipting.Invalid as flaw:
            click.echo(f"✗ receipt {number}: {flaw}")
            sys.exit(1)
        click.echo(json.dumps(content, ensure_ascii=False, indent=1))
    click.echo(f"✓ {len(found)} verified", err=True)


def read_receipts(text: str) -> list[tuple[str, dict[str, Any] | None]]:
    """Return the receipts of a file, each with all else that its answer says, if it is in one.

    text: lines of receipts, or the JSON of one answer or of many.
    """
    try:
        content = json.loads(text)
    except ValueError:
        return [(one, None) for one in text.split()]
    answers = content.get("answers", [content]) if isinstance(content, dict) else []
    found = [dict(one) for one in answers if isinstance(one, dict) and "receipt" in one]
    return [(str(one.pop("receipt")), one) for one in found]


@receipts.command("rotate")
def rotate_keys() -> None:
    """Sign with a new key from now on; the former ones stay published."""
    if current_app.config["SIGNING_KEY"]:
        raise click.ClickException(
            "the key is given by REDRESS_SIGNING_KEY: put a JWK Set there, the new key first"
        )
    ring = gate.keyring().rotate()
    receipting.keep(current_app.config["DATA_FOLDER"], ring)
    click.echo(f"{ring.key_id} signs from now on; {len(ring.keys) - 1} former keys are published")


@receipts.command("show")
@click.option("--private", is_flag=True, help="With what signs: for REDRESS_SIGNING_KEY only.")
@click.option("--with-new", is_flag=True, help="A new key in the second place; needs --private.")
def show_keys(private: bool, with_new: bool) -> None:
    """Show the keys as a JWK Set in one line, also where they come of a plain secret."""
    if with_new and not private:
        raise click.UsageError("without --private the new key would be lost")
    ring = gate.keyring()
    if private:
        content = json.loads((ring.announce() if with_new else ring).write())
    else:
        content = ring.published
    click.echo(json.dumps(content, separators=(",", ":")))
