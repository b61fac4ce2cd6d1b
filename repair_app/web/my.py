"""The enterprise's own page: its records, what each means, what can be done; its cases."""

from flask import Blueprint, render_template
from flask_login import current_user

from repair_app.models import Role
from repair_app.services import records
from repair_app.web.door import only

pages = Blueprint("my", __name__)
MOST = 200  # records, and cases, on the page, as `records.list_own` has it


@pages.get("/my")
@only(Role.SUBJECT, Role.AGENT)
def index() -> str:
    """Show the records and cases of the enterprises that this person files for."""
    cases, own = records.list_own_cases(current_user), records.list_own(current_user)
    return render_template(
        "my/index.html",
        records=[(records.describe(one), records.workflows_of(current_user, one)) for one in own],
        cases=cases,
        in_repair={one.record_id for one in cases if one.workflow == "repair" and one.is_open},
        cut_off_at=MOST if MOST in {len(cases), len(own)} else None,
    )
