"""A record's page, and what can be begun there: an objection, a repair, a measure."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user

from repair_app.access import stands_as
from repair_app.engine.step import NotAllowed, Refused
from repair_app.models import CreditRecord, Role, Sanction
from repair_app.services import cases, history, records, sanctions
from repair_app.services.policy import current_policy
from repair_app.web.door import csrf, only, public
from repair_app.web.transitions import (
    Answer,
    build_form,
    show_borrowed,
    show_form,
    submission_of,
)
from repair_app.web.view import reason_text

pages = Blueprint("records", __name__)
FILERS = frozenset({Role.SUBJECT, Role.AGENT})


@pages.get("/records/<ref:ref>")
@public
def show(ref: str) -> str:
    """Show a record: what is public to all, the rest to those it concerns."""
    user = current_user if current_user.is_authenticated else None
    record = records.get_record(ref, user)
    roles = {Role(one.role) for one in stands_as(user, record)} if user else set()
    return render_template(
        "records/show.html",
        record=record,
        prospect=records.describe(record),
        roles=roles,
        openings=list_openings(record, roles),
        offers=cases.list_offers(user, record) if user else [],
        measures=sanctions.list_verdicts(record.sanctions) if roles else [],
        sanction_offers={one.ref: list_measure_offers(one, roles) for one in record.sanctions},
        happenings=history.list_of_record(record) if roles else [],
    )


def list_measure_offers(sanction: Sanction, roles: set[Role]) -> list[Any]:
    """Return what a department's person can do about a measure of its own."""
    return cases.list_offers(current_user, sanction) if Role.DEPARTMENT in roles else []


def list_openings(record: CreditRecord, roles: set[Role]) -> dict[str, Any]:
    """Return what the subject's people can open about a record, with what bars it."""
    if not roles & FILERS:
        return {}
    openings = {}
    for workflow in ("objection", "repair"):
        try:
            openings[workflow] = cases.offer_to_open(current_user, workflow, record)[1]
        except NotAllowed:  # an agent whose mandate does not reach that far
            continue
    return openings


@pages.route("/records/<ref:ref>/<any(objection, repair):workflow>", methods=["GET", "POST"])
@csrf.exempt  # the form checks the token itself
@only(Role.SUBJECT, Role.AGENT)
def open_case(ref: str, workflow: str) -> Answer:
    """Begin an objection or a repair; an objection can be filed in the same step."""
    record = records.get_record(ref, current_user)
    case = cases.case_to_open(current_user, workflow, record)
    transition = current_policy().current[workflow].transitions["open"]
    form = build_form(transition, case)
    if not form.validate_on_submit():
        return show_form(form, case, transition, record=record)
    try:
        outcome = cases.open_case(workflow, ref, current_user, submission_of(form, ref, workflow))
    except Refused as refusal:
        return show_form(form, case, transition, reasons=refusal.reasons, record=record)
    except cases.TokenBorrowed:
        return show_borrowed(form, case, transition)
    if form.wants_submission:
        submit_at_once(outcome)
    return redirect(url_for("cases.show", ref=outcome.ref))


def submit_at_once(outcome: cases.Outcome) -> None:
    """File what was just drafted; when it cannot be filed yet the draft stays, with the reason."""
    if outcome.repeated:
        return
    try:
        cases.perform("cases", outcome.ref, "submit", current_user, cases.Submission.first())
        flash(gettext("Filed. Your number is %(ref)s.", ref=outcome.ref), "success")
    except Refused as refusal:
        for reason in refusal.reasons:
            flash(reason_text(reason), "warning")
        flash(gettext("Saved as a draft; nothing is lost."), "info")


@pages.route("/records/<ref:ref>/sanction", methods=["GET", "POST"])
@csrf.exempt  # the form checks the token itself
@only(Role.DEPARTMENT)
def impose(ref: str) -> Answer:
    """Impose a measure of the catalogue on a record."""
    record = records.get_record(ref, current_user)
    sanction, offer = sanctions.offer_to_impose(current_user, record)
    transition = offer.transition
    form = build_form(transition, sanction)
    if not form.validate_on_submit():
        return show_form(form, sanction, transition, reasons=offer.reasons, record=record)
    try:
        sanctions.impose(ref, current_user, submission_of(form, ref, "impose"))
    except Refused as refusal:
        return show_form(form, sanction, transition, reasons=refusal.reasons, record=record)
    except cases.TokenBorrowed:
        return show_borrowed(form, sanction, transition)
    flash(gettext("The measure is in force."), "success")
    return redirect(url_for("records.show", ref=ref))
