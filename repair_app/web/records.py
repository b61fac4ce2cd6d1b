"""A record's page, and what can be begun there: an objection, a repair, a measure."""

from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user

from repair_app.access import stands_as
from repair_app.engine.step import Refused
from repair_app.engine.store import ReadingStore
from repair_app.models import Role, Sanction
from repair_app.services import cases, history, records, sanctions
from repair_app.web.door import csrf, only, public, signed_in
from repair_app.web.transitions import (
    Answer,
    build_form,
    send,
    show_form,
)
from repair_app.web.view import reason_text

pages = Blueprint("records", __name__)
ACTING = frozenset({Role.DEPARTMENT, Role.PROVIDER})


@pages.get("/records/<ref:ref>")
@public
def show(ref: str) -> str:
    """Show a record: what is public to all, the rest to those it concerns."""
    user = current_user if current_user.is_authenticated else None
    record = records.get_record(ref, user)
    roles = {Role(one.role) for one in stands_as(user, record)} if user else set()
    store = cases.reading()
    return render_template(
        "records/show.html",
        record=records.as_read_by(record, roles),
        prospect=records.describe(record),
        unverified=records.stays_unverified(record),
        roles=roles,
        openings=cases.list_openings(current_user, record, store) if roles else {},
        offers=cases.list_offers(user, record, store) if user else [],
        measures=sanctions.list_verdicts(record.sanctions) if roles else [],
        sanction_offers={
            one.ref: list_measure_offers(one, roles, store) for one in record.sanctions
        },
        happenings=history.list_of_record(record) if roles else [],
    )


def list_measure_offers(sanction: Sanction, roles: set[Role], store: ReadingStore) -> list[Any]:
    """Return what a person of its department, or of the lead agency, can do about a measure."""
    return cases.list_offers(current_user, sanction, store) if roles & ACTING else []


@pages.route("/records/<ref:ref>/<matter:workflow>", methods=["GET", "POST"])
@csrf.exempt  # the form checks the token itself
@signed_in
def open_case(ref: str, workflow: str) -> Answer:
    """Begin a matter of the record; an objection can be filed in the same step."""
    record = records.get_record(ref, current_user)
    case, offer = cases.offer_to_open(current_user, workflow, record)
    transition = offer.transition
    form = build_form(transition, case)
    if not form.validate_on_submit():
        return show_form(form, case, transition, reasons=offer.reasons, record=record)
    opening = partial(cases.open_case, workflow, ref, current_user)
    outcome = send(opening, form, case, transition, ref, workflow)
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
    send(partial(sanctions.impose, ref, current_user), form, sanction, transition, ref, "impose")
    flash(gettext("The measure is in force."), "success")
    return redirect(url_for("records.show", ref=ref))
