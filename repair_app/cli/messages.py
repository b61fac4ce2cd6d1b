"""The mails about messages: sending what is due, and how they stand."""

import click
from flask.cli import AppGroup

from repair_app.mail import BadAddress
from repair_app.services import mail
from repair_app.services import messages as post

messages = AppGroup("messages", help="The mails about messages.")


@messages.command("send")
def send() -> None:
    """Send the mails that are due, here and now. Exit 1 for a mail server that cannot be meant."""
    try:
        click.echo(f"sent: {mail.send_due()}")
    except BadAddress as reason:
        raise click.ClickException(str(reason)) from reason


@messages.command("status")
def status() -> None:
    """Tell how many messages there are in each state of their mail, and when the next is due."""
    click.echo(f"mail server: {mail.find_server() or 'none'}")
    for state, count in post.count_by_state().items():
        click.echo(f"{state}: {count}")
    due = mail.next_due()
    click.echo(f"next due: {due.isoformat(timespec='minutes') if due else '—'}")
