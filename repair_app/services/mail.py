"""The mails about messages: which are due, sent one by one, tried again, and given up.

Before a mail is sent, its try is noted and its next one put off, in a transaction of its own; that
it was sent is noted when the server has taken it. So two senders never send the same mail, and one
that is killed in between sends it once more, later, under the same Message-ID.
"""

import smtplib
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import groupby
from typing import Final

from flask import current_app, render_template
from flask_babel import force_locale, gettext
from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from repair_app import alarms, mail
from repair_app.db import db, now
from repair_app.models import MailState, Message, User
from repair_app.services import messages
from repair_app.services.messages import Told
from repair_app.services.transaction import transaction

ALARM: Final = "mail"
# After the first, second, … try that failed; with the last one it is given up.
PAUSES: Final = tuple(timedelta(minutes=one) for one in (5, 30, 120, 480))
TRIES: Final = len(PAUSES) + 1
OUTAGE: Final = timedelta(minutes=5)  # until a server that is down is asked again
STOPPED: Final = "the sender was stopped"  # why a mail was not sent, as often as it was tried
AT_MOST: Final = 500  # messages in one round
IN_ONE: Final = 100  # messages in one digest


def find_server() -> mail.Server | None:
    """Return the mail server of the settings, if there is one. Raises BadAddress."""
    config = current_app.config
    return mail.read_server(config["SMTP_URL"], config["SMTP_SENDER"])


def send_due() -> int:
    """Send every mail that is due; return how many were sent.

    A server that hangs up is left alone until the next round; one that is down is asked again after
    a while, for as long as it takes: that is no try of any mail. Without a mail server what waits
    is let go: it stays in the application.
    """
    server = find_server()
    if server is None:
        let_go()
        return 0
    due = list_due()
    if not due:
        return 0
    try:
        with mail.connected(server) as line:
            note_server(None)
            return sum(send_one(server, line, batch) for batch in due if line.sock is not None)
    except mail.NotSent as reason:
        note_server(reason.problem)
        put_off(reason.problem)
        return 0


def let_go() -> None:
    """Have no mail wait for a server that there is not."""
    with transaction() as session:
        session.execute(
            update(Message)
            .where(messages.IS_PENDING)
            .values(mail_state=MailState.NONE, mail_due_at=None)
        )


def put_off(problem: str) -> None:
    """Have all mails that are due wait for the server, with why."""
    with transaction() as session:
        session.execute(
            update(Message)
            .where(messages.IS_PENDING, Message.mail_due_at <= now())
            .values(mail_due_at=now() + OUTAGE, mail_problem=problem)
        )


def list_due() -> list[list[int]]:
    """Return the messages that are due, oldest first: each mail a list of the ids that go in it."""
    due = db.session.execute(
        select(Message.id, Message.account_id, Message.mail_state)
        .where(messages.IS_PENDING, Message.mail_due_at <= now())
        .order_by(Message.mail_state.desc(), Message.account_id, Message.id)
        .limit(AT_MOST)
    ).all()
    alone = [[one.id] for one in due if one.mail_state == MailState.WAITING]
    gathered = [one for one in due if one.mail_state == MailState.GATHERED]
    digests = groupby(gathered, key=lambda one: one.account_id)
    return [*sorted(alone), *([one.id for one in some][:IN_ONE] for _, some in digests)]


def send_one(server: mail.Server, line: smtplib.SMTP, batch: Sequence[int]) -> int:
    """Send one mail, if nobody else does just now; return whether it was sent."""
    if not claim(batch):
        return 0
    try:
        mail.send(line, write(server, batch))
    except mail.NotSent as reason:
        note_failure(batch, reason)
        return 0
    note_sent(batch)
    return 1


def claim(batch: Sequence[int]) -> bool:
    """Note a try and put the next one off, if the mail is still to be sent; say whether it is.

    One that was tried often enough, and left by a sender that was killed, is given up, and an alarm
    raised.
    """
    with transaction() as session:
        rows = lock(session, batch)
        if len(rows) < len(batch):
            return False
        tries = max(one.mail_tries for one in rows) + 1
        for one in rows:
            one.mail_tries = tries
            one.mail_due_at = now() + PAUSES[min(tries, len(PAUSES)) - 1]
        if not rows[0].account.active:
            end(rows, MailState.NONE)
        elif tries > TRIES:
            give_up(session, rows, rows[0].mail_problem or STOPPED)
        return rows[0].mail_state in messages.PENDING


def lock(session: Session, batch: Sequence[int]) -> list[Message]:
    """Return the messages of a mail that are still to be sent, locked."""
    due = select(Message).where(
        Message.id.in_(batch),
        messages.IS_PENDING,
        Message.mail_due_at <= now(),
    )
    locked = due.order_by(Message.id).with_for_update(of=Message)
    return list(session.scalars(locked.execution_options(populate_existing=True)))


def end(rows: Sequence[Message], state: MailState) -> None:
    """Have nothing more tried."""
    for one in rows:
        one.mail_state, one.mail_due_at = state, None


def note_sent(batch: Sequence[int]) -> None:
    """Note that the server has taken a mail."""
    with transaction() as session:
        rows = read(session, batch)
        end(rows, MailState.SENT)
        for one in rows:
            one.mailed_at, one.mail_problem = now(), None
        alarms.clear_alarm(session, ALARM, account_name(rows[0]), "mail", at=now())


def note_failure(batch: Sequence[int], reason: mail.NotSent) -> None:
    """Note why a mail was not sent; after the last try it is given up, and an alarm raised."""
    with transaction() as session:
        rows = read(session, batch)
        for one in rows:
            one.mail_problem = reason.problem
        if reason.final or rows[0].mail_tries >= TRIES:
            give_up(session, rows, reason.problem)


def give_up(session: Session, rows: Sequence[Message], problem: str) -> None:
    """Have a mail not tried any more, with why, and raise an alarm."""
    end(rows, MailState.FAILED)
    for one in rows:
        one.mail_problem = problem
    alarms.raise_alarm(session, ALARM, account_name(rows[0]), "mail", problem, at=now())


def note_server(problem: str | None) -> None:
    """Raise an alarm that the mail server cannot be used, or clear it."""
    with transaction() as session:
        if problem is None:
            alarms.clear_alarm(session, ALARM, "smtp", "server", at=now())
        else:
            alarms.raise_alarm(session, ALARM, "smtp", "server", problem, at=now())


def account_name(message: Message) -> str:
    """Return what an account is called where no address may stand."""
    return f"account:{message.account_id}"


def read(session: Session, batch: Sequence[int]) -> list[Message]:
    """Return the messages of a mail, oldest first."""
    found = select(Message).where(Message.id.in_(batch)).order_by(Message.id)
    return list(session.scalars(found))


# --- what a mail says -----------------------------------------------------------------------------


def write(server: mail.Server, batch: Sequence[int]) -> EmailMessage:
    """Return the mail about some messages to one account, in its language. Raises NotSent."""
    rows = db.session.scalars(
        select(Message)
        .where(Message.id.in_(batch))
        .order_by(Message.id)
        .options(joinedload(Message.account))
    ).all()
    account: User = rows[0].account
    with force_locale(account.language):
        told = messages.describe(rows, account)
        asked = {"told": told, "base": current_app.config["BASE_URL"].rstrip("/")}
        return mail.compose(
            server,
            account.email,
            subject_of(told, is_digest=rows[0].mail_state == MailState.GATHERED),
            render_template("mail/message.txt", **asked),
            render_template("mail/message.html", **asked),
            name=f"message-{rows[0].id}-{rows[-1].id}",
            language=account.language.partition("_")[0],
        )


def subject_of(told: Sequence[Told], *, is_digest: bool) -> str:
    """Return what a mail is called: number and kind of one message, or how many there are."""
    if is_digest:
        return str(gettext("Redress: %(count)s messages", count=len(told)))
    return f"{gettext('Redress')} · {told[0].subject}"


def next_due() -> datetime | None:
    """Return when the next mail is due."""
    due: datetime | None = db.session.scalar(
        select(Message.mail_due_at)
        .where(messages.IS_PENDING)
        .order_by(Message.mail_due_at)
        .limit(1)
    )
    return due
