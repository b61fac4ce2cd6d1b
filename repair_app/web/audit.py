"""The auditor's pages: every event, and whether the ledger is whole."""

from flask import Blueprint, render_template

from repair_app.alarms import KINDS
from repair_app.models import Role
from repair_app.services import deadlines, history
from repair_app.web.door import only
from repair_app.web.view import row_before

pages = Blueprint("audit", __name__, url_prefix="/audit")


@pages.get("")
@only(Role.AUDITOR)
def index() -> str:
    """List the newest events of all cases and records."""
    happenings = history.list_latest(row_before())
    return render_template(
        "audit/index.html",
        happenings=happenings,
        page=history.PAGE,
        alarms=deadlines.list_alarms(),
        alarm_kinds=KINDS,
    )


@pages.get("/verify")
@only(Role.AUDITOR)
def verify() -> str:
    """Check every chain of events and say what was found."""
    count, flaw = history.verify_all()
    return render_template("audit/verify.html", count=count, flaw=flaw)
