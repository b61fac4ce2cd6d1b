"""A person's own settings: how mails are written to them, and the address of their calendar."""

from http import HTTPStatus

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import RadioField

from repair_app.public_address import site
from repair_app.services import feed, messages
from repair_app.web.door import signed_in

pages = Blueprint("settings", __name__, url_prefix="/settings")

MODES = {
    "at_once": _l("At once: one mail for each message"),
    "digest": _l("Once a day, at eight o'clock: one mail for all"),
    "none": _l("No mails: I read my messages here"),
}


class MailForm(FlaskForm):
    """How mails are written to a person."""

    mail_mode = RadioField(_l("Mails about messages"))
    language = RadioField(_l("Language of mails and of the calendar"))


@pages.route("", methods=["GET", "POST"])
@signed_in
def index() -> str | tuple[str, int] | Response:
    """Show a person's settings; change how mails are written to them."""
    form = build_form()
    if not form.validate_on_submit():
        status = HTTPStatus.BAD_REQUEST if form.is_submitted() else HTTPStatus.OK
        return render_template("settings/index.html", form=form, address=""), status
    messages.choose_mail(current_user, form.language.data, form.mail_mode.data)
    flash(gettext("Your settings were kept."), "success")
    return redirect(url_for("settings.index"))


def build_form() -> MailForm:
    """Return the form with what there is to choose from."""
    form = MailForm(obj=current_user)
    form.mail_mode.choices = list(MODES.items())
    form.language.choices = list(current_app.config["LANGUAGES"].items())
    return form


@pages.post("/feed")
@signed_in
def renew_feed() -> str:
    """Make, or make anew, the address of the person's calendar, and show it this once."""
    address = feed_address(feed.renew_token(current_user))
    return render_template("settings/index.html", form=build_form(), address=address)


@pages.post("/feed/end")
@signed_in
def end_feed() -> Response:
    """Have the person's calendar at no address."""
    feed.end_feed(current_user)
    flash(gettext("The calendar is at no address any more."), "success")
    return redirect(url_for("settings.index"))


def feed_address(token: str) -> str:
    """Return the address of a calendar by its secret."""
    return site() + url_for("feed.show", token=token)
