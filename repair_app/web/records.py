"""A record's page, and what can be begun there: an objection, a repair, a measure."""

from functools import partial
from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    url_for,
)
from flask_babel import gettext
from flask_login import current_user

from repair_app.access import stands_as
from repair_app.engine.spec import Transition
from repair_app.engine.step import Refused
from repair_app.engine.store import ReadingStore
from repair_app.models import Case, Role, Sanction
from repair_app.public_address import site
from repair_app.services import cases, history, pictures, records, sanctions
from repair_app.services.reasons import reason_text
from repair_app.web.door import csrf, only, public, signed_in
from repair_app.web.lagging import may_lag
from repair_app.web.transitions import (
    Answer,
    build_form,
    receipt_of,
    send,
    show_form,
)

pages = Blueprint("records", __name__)
ACTING = frozenset({Role.DEPARTMENT, Role.PROVIDER})


@pages.get("/records/<ref:ref>")
@public
@may_lag
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
        period=records.period_of(record),
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


@pages.get("/records/<ref:ref>/qr.svg")
@public
@may_lag
def qr(ref: str) -> Response:
    """Show the address of a public record as a code to scan."""
    records.get_public(ref)
    address = site() + url_for("records.show", ref=ref)
    return Response(pictures.draw_code(address), mimetype="image/svg+xml")


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
        return redirect(submit_at_once(outcome))
    if transition.target == "draft":
        flash(gettext("Saved as a draft, not filed yet: go on until you submit it."), "info")
    return redirect(next_page(case, transition, outcome))


def next_page(case: Case, transition: Transition, outcome: cases.Outcome) -> str:
    """Return where it goes on: an objection's draft is complete, so its answers are checked."""
    if case.workflow == "objection" and transition.target == "draft":
        return url_for("transitions.fire", kind="cases", ref=outcome.ref, name="submit")
    return url_for("cases.show", ref=outcome.ref)


def submit_at_once(outcome: cases.Outcome) -> str:
    """File what was just drafted and return where it goes on.

    When it cannot be filed yet the draft stays, with the reason. A form that is sent again, because
    nobody heard what became of it, files what it had only drafted.
    """
    first = cases.Submission.first()
    if outcome.repeated:
        case = cases.get_visible("cases", outcome.ref, current_user)
        if case.version != first.version:
            return receipt_of(case)
    try:
        cases.perform("cases", outcome.ref, "submit", current_user, first)
        flash(gettext("Filed. Your number is %(ref)s.", ref=outcome.ref), "success")
        return url_for("my.receipt", ref=outcome.ref)
    except Refused as refusal:
        for reason in refusal.reasons:
            flash(reason_text(reason), "warning")
        flash(gettext("Saved as a draft; nothing is lost."), "info")
        return url_for("cases.show", ref=outcome.ref)


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
