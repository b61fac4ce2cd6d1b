"""The administrator's page: who acts for whom."""

from flask import Blueprint, render_template

from repair_app.alarms import KINDS
from repair_app.models import Role
from repair_app.services import deadlines, people
from repair_app.web.door import only

pages = Blueprint("admin", __name__, url_prefix="/admin")


@pages.get("")
@only(Role.ADMINISTRATOR)
def index() -> str:
    """List accounts, what each is for which organisation, and what the system could not do."""
    return render_template(
        "admin/index.html",
        accounts=people.list_accounts(),
        alarms=deadlines.list_alarms(),
        alarm_kinds=KINDS,
    )
