"""The complaint door: anybody may say what is wrong with a record, and look up what came of it."""

import secrets
from functools import partial
from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Blueprint, Flask, abort, redirect, render_template, request, send_file, url_for
from flask_babel import gettext
from flask_limiter.util import get_remote_address
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from repair_app import limits
from repair_app.engine.step import Refused
from repair_app.forms.complaints import CAPACITIES, DISMISSALS, ComplaintForm
from repair_app.models import CreditRecord, Role
from repair_app.services import cases, complaints, records
from repair_app.web import accounts, errors
from repair_app.web.door import csrf, only, public
from repair_app.web.transitions import (
    Answer,
    build_form,
    send,
    show_form,
)
from repair_app.web.view import language

pages = Blueprint("complaints", __name__)


def slow_down(app: Flask) -> None:
    """Limit the complaints, from one network address and about one record, and wrong codes.

    What was taken in is counted for a record: a form that is sent back for a mistake is not.
    """
    views: dict[str, Any] = app.view_functions
    complain_limit = limits.limiter.limit(
        partial(limits.limit_of, "COMPLAINT_RATE_LIMIT"), methods=["POST"]
    )
    look_up_limit = limits.limiter.limit(
        partial(limits.limit_of, "COMPLAINT_LOOKUP_RATE_LIMIT"), deduct_when=accounts.has_missed
    )
    views["complaints.complain"] = complain_limit(views["complaints.complain"])
    views["complaints.show"] = look_up_limit(views["complaints.show"])
    for setting, key in (
        ("COMPLAINT_RATE_LIMIT_OF_RECORD", place_and_record),
        ("COMPLAINT_RATE_LIMIT_ABOUT_RECORD", record_told_of),
    ):
        limit = limits.limiter.limit(
            partial(limits.limit_of, setting),
            key_func=key,
            scope=setting,
            methods=["POST"],
            deduct_when=was_taken_in,
        )
        views["complaints.complain"] = limit(views["complaints.complain"])


def record_told_of() -> str:
    """Return which record a complaint is about."""
    return str((request.view_args or {}).get("ref", ""))


def place_and_record() -> str:
    """Return from where a complaint comes, and about which record."""
    return f"{get_remote_address()} {record_told_of()}"


def was_taken_in(answer: Response) -> bool:
    """Say whether a complaint was kept: then its page comes next."""
    return answer.status_code == HTTPStatus.FOUND


@pages.errorhandler(HTTPStatus.TOO_MANY_REQUESTS)
def show_too_many(_error: HTTPException) -> Response:
    """Show that enough complaints have come in, and what can be done instead."""
    if request.endpoint != f"{pages.name}.{complain.__name__}":
        return errors.show_too_many()
    happened = gettext("Too much has come in from here, or about this record, for now.")
    mend = gettext(
        "Nothing was taken in this time. What was sent before is being looked at; look it up "
        "with its code. If there is more to tell, send it tomorrow."
    )
    return errors.show_too_many((happened, mend))


@pages.route("/records/<ref:ref>/complaint", methods=["GET", "POST"])
@csrf.exempt  # the form checks the token itself
@public
def complain(ref: str) -> Answer:
    """Take in what an interested party says about a public record; no account is asked for."""
    record = records.get_public(ref)
    form = ComplaintForm()
    form.offer(complaints.grounds(), language())
    if not form.validate_on_submit():
        return show_complaint_form(form, record)
    try:
        code = complaints.receive(ref, told_in(form), form.sent_token)
    except Refused:
        abort(404)  # it left the public site while the form was filled in
    return redirect(url_for("complaints.show", code=code))


def told_in(form: ComplaintForm) -> complaints.Told:
    """Return what somebody wrote into the form."""
    return complaints.Told(
        ground=form.ground.data,
        capacity=form.capacity.data,
        statement=form.statement.data or "",
        contact=form.contact.data or "",
        uploads=form.uploads,
    )


def show_complaint_form(form: ComplaintForm, record: CreditRecord) -> Answer:
    """Return the page of the form; what was typed stays."""
    status = form.failure if form.is_submitted() else HTTPStatus.OK
    if not form.is_submitted() or form.form_token.errors:
        form.form_token.data = secrets.token_urlsafe(24)
    shown = records.as_read_by(record, ())
    return render_template("complaints/complain.html", form=form, record=shown), status


@pages.get("/complaints")
@public
def ask() -> Answer:
    """Ask for the code of a complaint, or go to what came of it."""
    if code := complaints.tidy(request.args.get("code", "")):
        return redirect(url_for("complaints.show", code=code))
    return render_template("complaints/ask.html")


@pages.get("/complaints/<code>")
@public
def show(code: str) -> Answer:
    """Tell what came of a complaint, to who has its code; any other one can be typed again."""
    answer = complaints.look_up(code)
    if answer is None:
        return render_template("complaints/ask.html", code=code), HTTPStatus.NOT_FOUND
    return render_template("complaints/show.html", answer=answer, code=code, dismissals=DISMISSALS)


# --- the reviewer's pages ---


@pages.get("/work/complaints")
@only(Role.REVIEWER)
def index() -> str:
    """List the complaints that wait to be looked at."""
    return render_template("complaints/index.html", complaints=complaints.list_open(current_user))


@pages.get("/work/complaints/<ref:ref>")
@only(Role.REVIEWER)
def look(ref: str) -> str:
    """Show what somebody told; the contact is not part of it."""
    return render_look(ref)


def render_look(ref: str, contact: str = "") -> str:
    """Return the page of a complaint, with the contact that was asked for just now."""
    complaint = complaints.get_complaint(ref, current_user)
    return render_template(
        "complaints/look.html",
        complaint=complaint,
        capacity=CAPACITIES[complaint.capacity],
        ground=complaints.grounds().get(complaints.ground_of(complaint)),
        offers=cases.list_offers(current_user, complaint.case),
        has_contact=complaints.has_contact(complaint),
        contact=contact,
    )


@pages.route("/work/complaints/<ref:ref>/contact", methods=["GET", "POST"])
@csrf.exempt  # the form checks the token itself
@only(Role.REVIEWER)
def read_contact(ref: str) -> Answer:
    """Show how to reach the complainant, once, to a reviewer who says why."""
    case = complaints.get_complaint(ref, current_user).case
    transition = cases.find_transition(current_user, case, "read_contact")
    form = build_form(transition, case)
    if not form.validate_on_submit():
        return show_form(form, case, transition)
    reading = partial(complaints.read_contact, ref, current_user)
    contact = send(reading, form, case, transition, ref, transition.name)
    return render_look(ref, contact or gettext("None was given."))


@pages.route("/work/complaints/<ref:ref>/take-up", methods=["GET", "POST"])
@csrf.exempt  # the form checks the token itself
@only(Role.REVIEWER)
def take_up(ref: str) -> Answer:
    """Take a complaint up: what is to be verified, in the reviewer's words."""
    complaint = complaints.get_complaint(ref, current_user)
    objection, transition = complaints.case_to_take_up(complaint, current_user)
    form = build_form(transition, objection)
    record = complaint.case.record
    if not form.validate_on_submit():
        if not form.is_submitted():
            form.ground.data = complaints.ground_of(complaint)
        return show_form(form, objection, transition, reasons=(), record=record)
    taking_up = partial(complaints.take_up, ref, current_user)
    outcome = send(taking_up, form, objection, transition, ref, "take_up")
    return redirect(url_for("cases.show", ref=outcome.ref))


@pages.get("/work/complaints/papers/<row:number>")
@only(Role.REVIEWER)
def paper(number: int) -> Response:
    """Hand out a file that came with a complaint."""
    found, content = complaints.find_paper(number, current_user)
    return send_file(
        BytesIO(content),
        mimetype=found.media_type,
        as_attachment=True,
        download_name=found.filename,
    )
