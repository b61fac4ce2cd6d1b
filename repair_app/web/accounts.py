"""Sign-in and sign-out, by Flask-Security on Flask-Login."""

from typing import Any

from flask import Flask, current_app
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
    slow_down = limiter.limit(lambda: current_app.config["LOGIN_RATE_LIMIT"], methods=["POST"])
    views: dict[str, Any] = app.view_functions
    views["security.login"] = slow_down(views["security.login"])
    user_logged_out.connect(end_session, app)


def end_session(_app: Flask, user: Any, **_: Any) -> None:
    """Make every cookie of this account worthless: a copied one ends with the session."""
    if user.is_authenticated:
        people.end_sessions(user.id)
