"""The inspector's pages: what the scan found, what is suspicious, and the list of the week."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.engine.flaws import KINDS
from repair_app.forms.inspections import LookForm
from repair_app.models import Role
from repair_app.services import inspections, scans
from repair_app.web.door import only
from repair_app.web.view import language

pages = Blueprint("inspections", __name__, url_prefix="/audit/inspections")


@pages.get("")
@only(Role.AUDITOR)
def index() -> str:
    """Show the list of the week, what stands of the findings, and what is suspicious."""
    form = LookForm()
    form.offer(language())
    return render_template(
        "inspections/index.html",
        form=form,
        kinds=KINDS,
        items=inspections.list_items(),
        findings=scans.list_findings(),
        stuck=inspections.list_stuck(),
        silent=inspections.list_silent_providers(),
        refused=inspections.list_refused_unverified(),
        both_sides=inspections.list_one_person_on_both_sides(),
        suspended=inspections.list_longest_suspended(),
        holds=inspections.list_holds_without_timer(),
    )


@pages.post("/<row:item>")
@only(Role.AUDITOR)
def mark(item: int) -> Response:
    """Note what an inspector found on looking at an item."""
    form = LookForm()
    form.offer(language())
    if not form.validate_on_submit():
        abort(400)
    try:
        case = inspections.mark_item(item, current_user, form.result.data, form.note.data or "")
    except inspections.NotDrawn:
        abort(404)
    if case is not None:
        flash(gettext("Self-correction %(ref)s is open.", ref=case.ref), "success")
    return redirect(url_for("inspections.index"))
