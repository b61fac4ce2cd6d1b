"""Links by which a person sets the password of their account: good once, and not for long.

The first password may be set for three days, another one for ten minutes: such a link takes over an
account that is in use.

A link is a signed token of Flask-Security's; nothing of it is stored. It is worthless as soon as it
was used, another one was asked for, or the account was deactivated.
"""

from typing import Any, Final

from flask import current_app, render_template
from flask_babel import force_locale, gettext
from flask_security.recoverable import generate_reset_password_token, reset_password_token_status
from flask_security.utils import check_and_get_token_status

from repair_app import mail
from repair_app.models import User
from repair_app.services import office_book, own_password, people
from repair_app.services.mail import find_server
from repair_app.services.transaction import transaction

PATH: Final = "/welcome/"


class WorthlessLink(LookupError):
    """A link that was used, is too old, or never was one."""


def path_of(user: User) -> str:
    """Return the path of the link that sets the password of an account."""
    return PATH + str(generate_reset_password_token(user))  # type: ignore[no-untyped-call]


def find_invited(token: str) -> User:
    """Return the account of a link. Raises WorthlessLink."""
    expired, invalid, user = reset_password_token_status(token)  # type: ignore[no-untyped-call]
    if expired or invalid or user is None or not user.active or user.is_machine:
        raise WorthlessLink
    found: User = user
    if found.is_taken_up and is_old(token):
        raise WorthlessLink
    return found


def is_old(token: str) -> bool:
    """Say whether a link is too old to open an account that somebody uses already."""
    expired, _, _ = check_and_get_token_status(
        token, "reset", current_app.config["NEW_PASSWORD_WITHIN"]
    )
    return bool(expired)


def set_password(token: str, password: str) -> User:
    """Set the password of an account by its link, which is then used up. Raises WorthlessLink.

    password: as `forms.administration.check_password` gave it back.
    """
    with transaction() as session:
        user = find_invited(token)
        office_book.take(session, office_book.ACCOUNTS)
        session.refresh(user, with_for_update={"of": User})
        if find_invited(token) is not user:
            raise WorthlessLink  # somebody else was quicker
        own_password.put(session, user, password, "set_password")
        return user


def send(user: User) -> bool:
    """Mail a person the link that sets their password; say whether the server took it.

    Without a mail server, or an address of the site, there is nothing to send: then whoever asked
    for the link hands it over.
    """
    base = current_app.config["BASE_URL"].rstrip("/")
    if not base:
        return False
    with force_locale(user.language):
        subject = gettext("Set your password")
    return write(
        user, "invitation", subject, link=base + path_of(user), is_new=not user.is_taken_up
    )


def tell_of_reset(user: User) -> bool:
    """Mail a person that their second factor was reset; say whether the server took it."""
    with force_locale(user.language):
        subject = gettext("Your second factor was reset")
    return write(user, "factors_reset", subject)


def write(user: User, template: str, subject: str, **told: Any) -> bool:
    """Mail a person something about their account at once; say whether the server took it.

    template: of `templates/mail`, without its ending. subject: in the person's language.
    """
    server = find_server()
    if server is None:
        return False
    with force_locale(user.language):
        plain = render_template(f"mail/{template}.txt", **told)
        html = render_template(f"mail/{template}.html", **told)
        subject = f"{gettext('Redress')} · {subject}"
    name = f"account-{user.id}-{people.make_secret()}"
    language = user.language.partition("_")[0]
    try:
        written = mail.compose(
            server, user.email, subject, plain, html, name=name, language=language
        )
        with mail.connected(server) as line:
            mail.send(line, written)
    except mail.NotSent:
        return False
    return True
