"""The implementing department asks: may I enforce now?"""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template
from flask_login import current_user

from repair_app.models import Role
from repair_app.penalty_format import InvalidUscc, check_uscc
from repair_app.services import sanctions
from repair_app.web.door import only
from repair_app.web.view import asked_for

pages = Blueprint("enforcement", __name__)


MOST = 100  # measures on the page, as `sanctions.list_answers` has it


@pages.get("/enforce")
@only(Role.DEPARTMENT)
def index() -> str:
    """Answer for one enterprise, or list the department's measures with their answers."""
    typed = asked_for("uscc")
    if not typed:
        return show(answers=sanctions.list_answers(current_user))
    try:
        uscc = check_uscc(typed)
    except InvalidUscc:  # a mistyped code must not be answered with what the law says
        return show(uscc=typed, is_mistyped=True)
    subject, answers = sanctions.ask(current_user, uscc)
    return show(uscc=uscc, subject=subject, answers=answers)


def show(answers: Sequence[sanctions.Answer] = (), **shown: Any) -> str:
    """Return the page."""
    cut_off_at = MOST if len(answers) == MOST else None
    return render_template(
        "enforcement/index.html", answers=answers, cut_off_at=cut_off_at, **shown
    )
