"""A person's own password: the page to change it, and the way there where it has grown too old."""

from http import HTTPStatus

from flask import Blueprint, Flask, abort, current_app, flash, redirect, render_template, url_for
from flask import session as browser_session
from flask_babel import gettext
from flask_login import current_user, user_logged_in
from flask_security import login_user

from repair_app.forms.administration import ChangePasswordForm
from repair_app.services import own_password
from repair_app.web import second_factor
from repair_app.web.door import TOO_OLD, signed_in
from repair_app.web.office import Answer

pages = Blueprint("password", __name__, url_prefix="/settings/password")


def init_app(app: Flask) -> None:
    """Look at each sign-in whether the password has grown too old."""
    user_logged_in.connect(note_age, app)


def slow_down(app: Flask) -> None:
    """Limit the wrong passwords, as wrong codes are."""
    second_factor.slow_down(app, "password.change")


def note_age(_app: Flask, user: object, **_: object) -> None:
    """Remember for this session that the password has to be changed first."""
    browser_session.pop(TOO_OLD, None)
    if own_password.is_too_old(user):  # type: ignore[arg-type]  # the signal's own words
        browser_session[TOO_OLD] = True


@pages.route("", methods=["GET", "POST"])
@signed_in
def change() -> Answer:
    """Ask for the present password and another one; all other sessions end with the former."""
    if not current_app.config["TAKES_PASSWORDS"] or not current_user.password:
        abort(HTTPStatus.NOT_FOUND)
    form = ChangePasswordForm()
    form.ask(current_user, current_app.config["SECURITY_PASSWORD_LENGTH_MIN"])
    if not form.validate_on_submit():
        status = HTTPStatus.BAD_REQUEST if form.is_submitted() else HTTPStatus.OK
        return render_template("settings/password.html", form=form), status
    login_user(own_password.change(current_user.id, form.normal))
    flash(gettext("Your password was changed. Elsewhere you are signed out."), "success")
    return redirect(url_for("settings.index"))
