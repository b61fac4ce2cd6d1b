"""Systems that use the interface: registered with their scopes, given a new secret, ended."""

from flask import Blueprint, render_template, url_for
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
    """Register a system for a role that a person holds; its secret is shown once."""
    form = ClientForm()
    form.offer(words.ROLES)
    made: list[clients.Issued] = []
    if not asks(form, lambda: made.append(register_by(form))):
        about = gettext(
            "The person answers for what the system does: it may do what this person may do in "
            "this role, within its scopes, and ends with the role."
        )
        title, button = gettext("Register a system"), gettext("Register it")
        return show_form(form, title, button, url_for("clients.index"), about)
    return hand_over(made[0])


def register_by(form: ClientForm) -> clients.Issued:
    """Register the system that a form asks for. Raises NotPossible."""
    seat = find_seat(form.email.data or "", form.uscc.data or "", Role(form.role.data))
    return clients.register(current_user, seat, form.name.data or "", form.scopes)


def find_seat(email: str, uscc: str, role: Role) -> Appointment:
    """Return the role of the person who will answer. Raises NotPossible."""
    user = people.get_account(db.session(), email)
    organisation = people.get_organisation(db.session(), uscc.upper())
    seat = people.find_appointment(user, organisation, role)
    if seat is None:
        raise people.NotPossible(people.not_held(user, organisation, role))
    return seat


@pages.post("/<row:number>/rotate")
@entrusted(Duty.AUTHORISE)
def rotate(number: int) -> Answer:
    """Give a system a new secret, shown once; the former is good for some days."""
    made: list[clients.Issued] = []
    client_id = clients.get_numbered(number).client_id
    answer = press(
        lambda: made.append(clients.rotate(current_user, client_id)), "", url_for("clients.index")
    )
    return hand_over(made[0]) if made else answer


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


def hand_over(issued: clients.Issued) -> str:
    """Show the secret of a system, once."""
    return render_template("admin/secret.html", issued=issued, overlap=clients.OVERLAP)
