"""Systems that use the interface, as officers see them: registered with their scopes, ended.

Their secrets are drawn by who answers for them (web/systems.py).
"""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.db import db
from repair_app.forms.administration import ClientForm
from repair_app.models import Appointment, Role
from repair_app.models.clients import SCOPES
from repair_app.services import clients, people
from repair_app.services.offices import Duty
from repair_app.web import words
from repair_app.web.door import entrusted
from repair_app.web.office import Answer, asks, press, show_form

pages = Blueprint("clients", __name__, url_prefix="/admin/clients")


@pages.get("")
@entrusted(Duty.LOOK)
def index() -> str:
    """List the systems, those that are good first."""
    return render_template(
        "admin/clients.html",
        found=clients.list_clients(),
        scopes=SCOPES,
        is_good=clients.is_good,
    )


@pages.route("/new", methods=["GET", "POST"])
@entrusted(Duty.AUTHORISE)
def register() -> Answer:
    """Register a system for a role that a person holds, who is told and draws its secret."""
    form = ClientForm()
    form.offer(words.ROLES)
    if not asks(form, lambda: register_by(form)):
        about = gettext(
            "The person answers for what the system does: it may do what this person may do in "
            "this role, within its scopes, and ends with the role. The person draws its secret."
        )
        title, button = gettext("Register a system"), gettext("Register it")
        return show_form(form, title, button, url_for("clients.index"), about)
    flash(
        gettext(
            "The system is registered. %(address)s was told, and draws its secret under "
            "“Systems in your name”.",
            address=form.email.data,
        ),
        "success",
    )
    return redirect(url_for("clients.index"))


def register_by(form: ClientForm) -> None:
    """Register the system that a form asks for. Raises NotPossible."""
    seat = find_seat(form.email.data or "", form.uscc.data or "", Role(form.role.data))
    clients.register(current_user, seat, form.name.data or "", form.scopes)


def find_seat(email: str, uscc: str, role: Role) -> Appointment:
    """Return the role of the person who will answer. Raises NotPossible."""
    user = people.get_account(db.session(), email)
    organisation = people.get_organisation(db.session(), uscc.upper())
    seat = people.find_appointment(user, organisation, role)
    if seat is None:
        raise people.NotPossible(people.not_held(user, organisation, role))
    return seat


@pages.post("/<row:number>/revoke")
@entrusted(Duty.AUTHORISE)
def revoke(number: int) -> Response:
    """End a system and its tokens at once."""
    client_id = clients.get_numbered(number).client_id
    return press(
        lambda: clients.revoke(current_user, client_id),
        gettext("The system has been ended; its tokens are worthless."),
        url_for("clients.index"),
    )
