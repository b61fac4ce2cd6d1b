"""The messages of a person: read, marked as read, and the way to what they are about."""

from flask import Blueprint, Flask, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.engine.step import Entity
from repair_app.models import RecordUpload
from repair_app.services import cases, mail, messages
from repair_app.web.door import signed_in
from repair_app.web.transitions import page_of
from repair_app.web.view import row_before

pages = Blueprint("messages", __name__)
MAIL_STATES = {
    "waiting": _l("a mail is on its way"),
    "gathered": _l("goes with the next daily mail"),
    "sent": _l("mailed"),
    "failed": _l("could not be mailed"),
}


def init_app(app: Flask) -> None:
    """Give the templates the number of unread messages; refuse a mail server that is none."""
    with app.app_context():
        mail.find_server()
    app.jinja_env.globals.update(
        count_unread=lambda: messages.count_unread(current_user),
        mails_are_sent=lambda: mail.find_server() is not None,
        list_urgings=messages.list_urgings,
        reason_not_to_urge=lambda case: messages.reason_not_to_urge(
            cases.reading().session, current_user, case
        ),
    )


@pages.get("/messages")
@signed_in
def index() -> str:
    """Show a person's messages: those not read first."""
    post = messages.list_post(current_user, row_before())
    return render_template("messages/index.html", post=post, mail_states=MAIL_STATES)


@pages.get("/messages/<row:number>")
@signed_in
def show(number: int) -> Response:
    """Go to what a message is about; from a mail."""
    return go_to(messages.find_entity(messages.get_message(number, current_user), current_user))


@pages.get("/messages/about/<ref:ref>")
@signed_in
def about(ref: str) -> Response:
    """Go to what is found under a reference; from a calendar."""
    return go_to(messages.get_entity(ref, current_user))


@pages.post("/messages/<row:number>/read")
@signed_in
def read(number: int) -> Response:
    """Note that a message was read, and go to what it is about."""
    message = messages.mark_read(number, current_user)
    return go_to(messages.find_entity(message, current_user))


@pages.post("/messages/read")
@signed_in
def read_all() -> Response:
    """Note that everything was read."""
    messages.mark_all_read(current_user)
    return redirect(url_for("messages.index"))


@pages.post("/cases/<ref:ref>/urge")
@signed_in
def urge(ref: str) -> Response:
    """Tell those who have to act in a case that it is waited for."""
    messages.urge(ref, current_user)
    flash(gettext("Urged: those who have to act were told."), "success")
    return redirect(url_for("cases.show", ref=ref))


def go_to(entity: Entity | RecordUpload | None) -> Response:
    """Return the way to an entity's page; to the messages where there is none for this person."""
    return redirect(page_of(entity) if entity is not None else url_for("messages.index"))
