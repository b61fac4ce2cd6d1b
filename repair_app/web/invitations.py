"""The page behind a link that sets a password: open to whoever has the link, once."""

from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, abort, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext

from repair_app import limits
from repair_app.forms.administration import PasswordForm
from repair_app.services import invitations
from repair_app.services.invitations import WorthlessLink
from repair_app.web import accounts
from repair_app.web.door import public
from repair_app.web.office import Answer

pages = Blueprint("invitations", __name__)


def slow_down(app: Flask) -> None:
    """Limit the links that are none, from one network address."""
    views: dict[str, Any] = app.view_functions
    limit = limits.limiter.limit(
        partial(limits.limit_of, "INVITATION_RATE_LIMIT"), deduct_when=accounts.has_missed
    )
    views["invitations.set_password"] = limit(views["invitations.set_password"])


@pages.route(f"{invitations.PATH}<token>", methods=["GET", "POST"])
@public
def set_password(token: str) -> Answer:
    """Ask for the password of an account, and set it."""
    form = PasswordForm()
    try:
        user = invitations.find_invited(token)
        form.ask(user, current_app.config["SECURITY_PASSWORD_LENGTH_MIN"])
        if form.is_submitted() and not current_app.config["TAKES_PASSWORDS"]:
            abort(HTTPStatus.FORBIDDEN)
        if not form.validate_on_submit():
            status = HTTPStatus.BAD_REQUEST if form.is_submitted() else HTTPStatus.OK
            page = render_template("security/welcome.html", form=form, user=user, token=token)
            return page, status
        invitations.set_password(token, form.normal)
    except WorthlessLink:
        return render_template("security/worthless.html"), HTTPStatus.NOT_FOUND
    flash(gettext("Your password is set. Sign in with it now."), "success")
    return redirect(url_for("security.login"))
