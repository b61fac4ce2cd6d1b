"""The implementing department asks: may I enforce now? And the lead agency initiates."""

from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, send_file, url_for
from flask_babel import gettext
from flask_login import current_user

from repair_app.db import now
from repair_app.models import Role
from repair_app.penalty_format import InvalidUscc, check_uscc
from repair_app.services import gate, records, sanctions
from repair_app.web.door import csrf, only, signed_in
from repair_app.web.transitions import (
    Answer,
    build_form,
    send,
    show_form,
)
from repair_app.web.view import asked_for

pages = Blueprint("enforcement", __name__)
MOST = sanctions.MOST  # measures on the page
pages.add_app_template_global(sanctions.may_read_person)
pages.add_app_template_global(sanctions.list_affected, "affected_by")
pages.add_app_template_global(sanctions.list_steps, "steps_for")


@pages.get("/enforce")
@only(Role.DEPARTMENT)
def index() -> str:
    """Answer for one enterprise, or list what waits and the department's measures."""
    typed = asked_for("uscc")
    if not typed:
        return show(
            answers=sanctions.list_answers(current_user),
            turns=sanctions.list_turns(current_user),
        )
    try:
        uscc = check_uscc(typed)
    except InvalidUscc:  # a mistyped code must not be answered with what the law says
        return show(uscc=typed, is_mistyped=True, is_name=not typed.isascii())
    subject, answers = sanctions.ask(current_user, uscc)
    return show(uscc=uscc, subject=subject, answers=answers)


def show(answers: Sequence[sanctions.Answer] = (), **shown: Any) -> str:
    """Return the page."""
    return render_template(
        "enforcement/index.html",
        answers=answers,
        cut_off_at=MOST if len(answers) == MOST else None,
        **shown,
    )


@pages.post("/enforce/<ref:ref>/receipt")
@only(Role.DEPARTMENT)
def receipt(ref: str) -> Response:
    """Hand out the signed answer of this moment on a measure: asked of the gate, and logged."""
    signed = gate.ask_by_page(current_user, ref).receipt
    name = f"{ref}-{now():%Y%m%dT%H%M%SZ}.jws"
    return send_file(
        BytesIO(f"{signed}\n".encode()),
        mimetype="application/jose",
        as_attachment=True,
        download_name=name,
        max_age=0,
    )


@pages.get("/my/measures")
@signed_in
def reaching() -> str:
    """List the measures that reach the reader in person, and what was filed against them."""
    return render_template(
        "enforcement/reaching.html",
        answers=sanctions.list_reaching(current_user),
        cases=sanctions.list_in_own_name(current_user),
    )


@pages.get("/sanctions")
@only(Role.PROVIDER)
def initiated() -> str:
    """List what an agency initiated and what waits for its evaluation."""
    found = sanctions.list_initiated(current_user)
    return render_template("enforcement/initiated.html", sanctions=found)


@pages.route("/records/<ref:ref>/initiate", methods=["GET", "POST"])
@csrf.exempt  # the form checks the token itself
@only(Role.PROVIDER)
def initiate(ref: str) -> Answer:
    """Ask a department to carry out a measure of the catalogue because of a record."""
    record = records.get_record(ref, current_user)
    sanction, offer = sanctions.offer_to_initiate(current_user, record)
    transition = offer.transition
    form: Any = build_form(transition, sanction)
    if not form.validate_on_submit():
        return show_form(form, sanction, transition, reasons=offer.reasons, record=record)
    initiation = partial(sanctions.initiate, ref, current_user, person_id=form.person_id)
    send(initiation, form, sanction, transition, ref, "initiate")
    flash(gettext("Initiated: the department has been asked to respond."), "success")
    return redirect(url_for("records.show", ref=ref))
