"""Systems in one's own name: the person who answers for a system draws its secret, or ends it."""

from flask import Blueprint, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.models.clients import SCOPES
from repair_app.services import clients
from repair_app.web import second_factor
from repair_app.web.door import signed_in
from repair_app.web.office import Answer, press

pages = Blueprint("systems", __name__, url_prefix="/settings/systems")


@pages.get("")
@signed_in
def index() -> str:
    """List the systems that act in the person's seat."""
    return render_template(
        "settings/systems.html",
        found=clients.list_own(current_user),
        scopes=SCOPES,
        is_good=clients.is_good,
        overlap=clients.OVERLAP,
    )


@pages.post("/<row:number>/secret")
@signed_in
def renew(number: int) -> Answer:
    """Draw a secret, shown once; the former is good for some days.

    Who left the browser open is asked for the password first, as before a decision.
    """
    here = url_for("systems.index")
    if not second_factor.has_just_signed_in():
        return second_factor.ask_before_changing(here)
    made: list[clients.Issued] = []
    client_id = clients.get_numbered(number).client_id
    answer = press(lambda: made.append(clients.rotate(current_user, client_id)), "", here)
    return render_template("settings/secret.html", issued=made[0]) if made else answer


@pages.post("/<row:number>/end")
@signed_in
def end(number: int) -> Response:
    """End a system and its tokens at once."""
    client_id = clients.get_numbered(number).client_id
    return press(
        lambda: clients.give_up(current_user, client_id),
        gettext("The system has been ended; its tokens are worthless."),
        url_for("systems.index"),
    )
