"""The implementing department asks: may I enforce now?"""

from flask import Blueprint, render_template
from flask_login import current_user

from repair_app.models import Role
from repair_app.penalty_format import normalise_uscc
from repair_app.services import sanctions
from repair_app.web.door import only
from repair_app.web.view import asked_for

pages = Blueprint("enforcement", __name__)


@pages.get("/enforce")
@only(Role.DEPARTMENT)
def index() -> str:
    """Answer for one enterprise, or list the department's measures with their answers."""
    uscc = normalise_uscc(asked_for("uscc"))
    subject, answers = (
        sanctions.ask(current_user, uscc) if uscc else (None, sanctions.list_answers(current_user))
    )
    return render_template("enforcement/index.html", uscc=uscc, subject=subject, answers=answers)
