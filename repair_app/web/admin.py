"""The administrator's page: who acts for whom."""

from flask import Blueprint, render_template

from repair_app.models import Role
from repair_app.services import people
from repair_app.web.door import only

pages = Blueprint("admin", __name__, url_prefix="/admin")


@pages.get("")
@only(Role.ADMINISTRATOR)
def index() -> str:
    """List accounts and what each is for which organisation."""
    return render_template("admin/index.html", accounts=people.list_accounts())
