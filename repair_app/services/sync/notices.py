"""Mails to the owners of platforms: what their platform does wrong, and what is done about it."""

from email.message import EmailMessage

from flask import current_app, render_template
from flask_babel import force_locale, gettext
from sqlalchemy import select

from repair_app import mail
from repair_app.db import db, now
from repair_app.models import Obligation, Platform
from repair_app.models.platforms import OPEN
from repair_app.services.mail import PAUSES, TRIES, find_server
from repair_app.services.sync.standing import PROBLEMS
from repair_app.services.transaction import sweep, transaction


def send_notices() -> int:
    """Send the mails to owners that are due; return how many the server has taken.

    Each is tried as often as other mails. Without a mail server they are let go: the alarm stays.
    """
    due = select(Platform.id).where(Platform.tell_at <= now()).order_by(Platform.id)
    return sweep(db.session.scalars(due).all(), send_one)


def send_one(platform_id: int) -> bool:
    """Send the mail about one platform, if it is still due; say whether it was taken."""
    server = find_server()
    with transaction() as session:
        platform = session.get_one(Platform, platform_id, with_for_update={"key_share": True})
        if platform.tell_at is None or platform.tell_at > now():
            return False
        if server is None or platform.tell_tries >= TRIES:
            platform.tell_at = None
            return False
        platform.tell_tries += 1
        platform.tell_at = now() + PAUSES[min(platform.tell_tries, len(PAUSES)) - 1]
    letter = write(server, db.session.get_one(Platform, platform_id))
    try:
        with mail.connected(server) as line:
            mail.send(line, letter)
    except mail.NotSent:
        return False
    with transaction() as session:
        session.get_one(Platform, platform_id).tell_at = None
    return True


def write(server: mail.Server, platform: Platform) -> EmailMessage:
    """Return the mail to the owner of a platform. Raises mail.NotSent."""
    owed = select(Obligation.id).where(
        Obligation.platform_id == platform.id, Obligation.standing.in_(OPEN)
    )
    problem = PROBLEMS[platform.told or "by_hand"]
    language = current_app.config["BABEL_DEFAULT_LOCALE"]
    with force_locale(language):
        asked = {
            "platform": platform,
            "problem": problem,
            "owed": len(db.session.scalars(owed.limit(1000)).all()),
        }
        return mail.compose(
            server,
            platform.owner_email,
            f"{gettext('Redress')} · {platform.name_zh}",
            render_template("mail/platform.txt", **asked),
            render_template("mail/platform.html", **asked),
            name=f"platform-{platform.id}-{int((platform.tell_at or now()).timestamp())}",
            language=language.partition("_")[0],
        )
