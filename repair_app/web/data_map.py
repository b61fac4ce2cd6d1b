"""The data map, for auditors and administrators."""

from flask import Blueprint, render_template

from repair_app.engine import data_map
from repair_app.models import Role
from repair_app.services import data_map as mapping
from repair_app.services.kept import kept_rules
from repair_app.web.door import only

pages = Blueprint("data_map", __name__)


@pages.get("/data-map")
@only(Role.AUDITOR, Role.ADMINISTRATOR)
def index() -> str:
    """Show what is kept in which table, of whom, how it is guarded and how long it is kept."""
    rules = kept_rules()
    rows = [(one, data_map.kept_label(one, rules)) for one in mapping.read_map()]
    return render_template("audit/data_map.html", rows=rows, guards=data_map.GUARDS, of=data_map.OF)
