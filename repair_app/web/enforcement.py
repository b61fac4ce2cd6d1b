"""The implementing department asks: may I enforce now?"""

from flask import Blueprint, render_template, request
from flask_login import current_user

from repair_app.models import Role
from repair_app.services import sanctions
from repair_app.web.door import only

pages = Blueprint("enforcement", __name__)


@pages.get("/enforce")
@only(Role.DEPARTMENT)
def index() -> str:
    """Answer for one enterprise, or list the department's measures with their answers."""
    uscc = request.args.get("uscc", "").strip().upper()
    subject, answers = (
        sanctions.ask(current_user, uscc) if uscc else (None, sanctions.list_answers(current_user))
    )
    return render_template("enforcement/index.html", uscc=uscc, subject=subject, answers=answers)
