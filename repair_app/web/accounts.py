"""Sign-in and sign-out, by Flask-Security on Flask-Login."""

import unicodedata
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, request
from flask_babel import lazy_gettext as _l
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import user_logged_out
from flask_security import RoleMixin, Security, SQLAlchemyUserDatastore

from repair_app.db import db
from repair_app.models import User
from repair_app.services import people

security = Security()
limiter = Limiter(get_remote_address)
LONGEST_ADDRESS = 254  # characters of an e-mail address (RFC 5321)


def init_app(app: Flask) -> None:
    """Add sign-in and sign-out to the application."""
    accounts = SQLAlchemyUserDatastore(db, User, RoleMixin)
    # The library has no Chinese for this one; it must not tell which of the two was wrong.
    app.config["SECURITY_MSG_GENERIC_AUTHN_FAILED"] = (
        _l("The address or the password is not right."),
        "error",
    )
    security.init_app(app, accounts)
    limiter.init_app(app)
    slow_down(app, "security.login")
    user_logged_out.connect(end_session, app)


def slow_down(app: Flask, endpoint: str) -> None:
    """Limit the attempts that fail: from one place at one account, at one account, from one place.

    Many people may share a place (a proxy, an office), so that limit is the widest. That of an
    account from wherever is wide as well: a stranger must not lock its owner out with few words.
    """
    views: dict[str, Any] = app.view_functions
    for setting, key in (
        ("LOGIN_RATE_LIMIT", place_and_account),
        ("LOGIN_RATE_LIMIT_OF_ACCOUNT", account_tried),
        ("LOGIN_RATE_LIMIT_OF_PLACE", get_remote_address),
    ):
        limit = limiter.limit(
            partial(limit_of, setting),
            key_func=key,
            scope=setting,
            methods=["POST"],
            deduct_when=has_failed,
        )
        views[endpoint] = limit(views[endpoint])


def limit_of(setting: str) -> str:
    """Return a limit as the settings have it."""
    return str(current_app.config[setting])


def account_tried() -> str:
    """Return the address that somebody tries to sign in with, however it is written."""
    typed = request.form.get("email", "")[: 2 * LONGEST_ADDRESS]
    return unicodedata.normalize("NFKC", typed).strip().casefold()[:LONGEST_ADDRESS]


def place_and_account() -> str:
    """Return from where somebody tries to sign in, and with which address."""
    return f"{get_remote_address()} {account_tried()}"


def has_failed(answer: Response) -> bool:
    """Say whether an attempt to sign in has failed: a good one is sent on to its page."""
    return not HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST


def end_session(_app: Flask, user: Any, **_: Any) -> None:
    """Make every cookie of this account worthless: a copied one ends with the session."""
    if user.is_authenticated:
        people.end_sessions(user.id)


def has_missed(answer: Response) -> bool:
    """Say whether what was looked up, by a code or an address, is not there."""
    return answer.status_code == HTTPStatus.NOT_FOUND
