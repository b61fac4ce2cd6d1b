"""Worklists: what waits for a reviewer, a provider or an institution; files of records."""

from flask import Blueprint, render_template, request
from flask_login import current_user

from repair_app.models import Role
from repair_app.services import inbox
from repair_app.web.door import only

pages = Blueprint("work", __name__, url_prefix="/work")


@pages.get("")
@only(*inbox.WORKERS)
def index() -> str:
    """Show what waits for a person, the most urgent first."""
    mine = [role for role in inbox.WORKERS if current_user.holds(role)]
    role = next((one for one in mine if one == request.args.get("as")), mine[0])
    return render_template(
        "work/index.html",
        role=role,
        roles=mine,
        inbox=inbox.list_turns(current_user, role, request.args.get("after")),
        requirements=inbox.list_requirements(current_user) if role is Role.INSTITUTION else [],
    )


@pages.get("/cases")
@only(Role.REVIEWER, Role.PROVIDER, Role.AUDITOR)
def all_cases() -> str:
    """List the cases that a person may see, newest first."""
    workflow = request.args.get("workflow")
    rows = inbox.list_cases(current_user, workflow, request.args.get("before", type=int))
    return render_template("work/cases.html", cases=rows, workflow=workflow, page=inbox.PAGE)
