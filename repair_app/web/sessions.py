"""Where somebody is signed in: the sessions of one's own account, and ending them."""

from flask import Blueprint, current_app, flash, redirect, render_template, session, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.services import sessions
from repair_app.web.accounts import KEY
from repair_app.web.door import signed_in
from repair_app.web.second_factor import ask_before_changing, has_just_signed_in

pages = Blueprint("sessions", __name__, url_prefix="/settings/sessions")


@pages.get("")
@signed_in
def index() -> str:
    """Show the sessions of the account that still count."""
    longest = current_app.config["SESSION_LONGEST"]
    return render_template(
        "settings/sessions.html",
        found=sessions.list_open(current_user, longest),
        own=sessions.digest_of(session[KEY]),
        longest=longest,
        idle=current_app.config["PERMANENT_SESSION_LIFETIME"],
    )


@pages.post("/<row:number>/end")
@signed_in
def end(number: int) -> Response:
    """End one session: who uses it is out at the next click."""
    if not has_just_signed_in():  # or whoever found a screen open locks its person out
        return ask_before_changing(url_for("sessions.index"))
    sessions.end_one(current_user, number)
    flash(gettext("The session was ended."), "success")
    return redirect(url_for("sessions.index"))


@pages.post("/end-others")
@signed_in
def end_others() -> Response:
    """End all sessions but this one."""
    if not has_just_signed_in():
        return ask_before_changing(url_for("sessions.index"))
    sessions.end_others(current_user, session[KEY])
    flash(gettext("All other sessions were ended."), "success")
    return redirect(url_for("sessions.index"))
