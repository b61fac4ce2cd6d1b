"""One page for every transition: it asks the transition's question and fires it."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from flask import (
    Blueprint,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from repair_app.access import FILERS
from repair_app.db import db
from repair_app.engine.spec import Transition
from repair_app.engine.step import Entity, Reason, Refused, WrongState, case_of, record_of
from repair_app.forms import FORMS, TransitionForm
from repair_app.forms.questions import CorrectionForm
from repair_app.models import Case, CreditRecord, Draft, RecordUpload, Requirement, Sanction
from repair_app.services import cases, first_decisions, supplements, training
from repair_app.services import drafts as kept_drafts
from repair_app.services.policy import current_policy
from repair_app.web import drafts, second_factor
from repair_app.web.desk import with_way_on
from repair_app.web.door import csrf, signed_in
from repair_app.web.view import label_text

pages = Blueprint("transitions", __name__)
Answer = str | tuple[str, int] | Response
Result = TypeVar("Result")


@pages.route(
    "/<any(cases, records, requirements, sanctions):kind>/<ref:ref>/<name>",
    methods=["GET", "POST"],
)
@csrf.exempt  # the form checks the token itself, so that a renewed session costs nothing typed
@signed_in
def fire(kind: str, ref: str, name: str) -> Answer:
    """Ask what a transition needs to know, then fire it."""
    try:
        entity = cases.get_visible(kind, ref, current_user)
    except cases.NotVisible:
        if cases.was_done(current_user, request.form.get("form_token", ""), ref):
            flash(gettext("This form was taken before; the matter is with others now."), "success")
            return redirect(url_for("public.home"))
        raise
    transition = cases.find_transition(current_user, entity, name)
    form = build_form(transition, entity)
    if first_decisions.SIGNS in transition.effects and not second_factor.has_just_signed_in():
        return ask_who_signs(form, entity, transition)
    if is_only_shown(form, transition) or not form.validate_on_submit() or is_checked():
        return show_form(form, entity, transition)
    changed = form.list_changes()
    act = partial(cases.perform, kind, ref, name, current_user)
    outcome = send(act, form, entity, transition, ref, name)
    done = told_of(form, transition, changed)
    if outcome.repeated and isinstance(entity, Sanction):
        done = gettext("This was reported before, in the same words: it is counted once.")
    if isinstance(entity, Requirement) and entity.case.state == "draft":
        ahead = gettext("The application is not filed yet: go on until you submit it.")
        done = f"{done} {ahead}"
    flash(with_way_on(done, page_of(entity)), "success")
    return redirect(way_on(entity, name))


def ask_who_signs(form: TransitionForm, entity: Entity, transition: Transition) -> Answer:
    """Ask for the password before a decision is signed; what was typed is kept meanwhile."""
    if form.is_submitted():
        form.validate()
        if form.csrf_token.errors:  # it may not be this person's
            return show_form(form, entity, transition)
        if not drafts.keep_all(form):
            told = gettext(
                "So much cannot be kept for you. Leave this page open, enter your password at "
                "%(page)s in another window, then send this form.",
                page=url_for("security.verify"),
            )
            flash(told, "error")
            return show_form(form, entity, transition)
    return second_factor.ask_before_signing(page_of(entity))


def told_of(form: TransitionForm, transition: Transition, changed: list[str]) -> str:
    """Return what was done and, of a draft that was amended, what was saved of it."""
    comma = str(gettext(", "))
    files = comma.join(one.filename for one in form.uploads)
    told = []
    if transition.name != cases.AMEND:
        told.append(gettext("Done: %(step)s.", step=label_text(transition.label)))
    elif changed:
        told.append(gettext("Saved in the draft: %(what)s.", what=comma.join(changed)))
    elif not files:
        told.append(gettext("Nothing was changed in the draft."))
    if files:
        told.append(gettext("Files that were added: %(names)s.", names=files))
    return " ".join(map(str, told))


def is_only_shown(form: TransitionForm, transition: Transition) -> bool:
    """Say whether what was typed is only to be shown again, and not sent.

    Beside the first decision, or with the values that were proposed.
    """
    compares = "compare" in request.form and first_decisions.SIGNS in transition.effects
    return compares or adopts(form)


def is_checked() -> bool:
    """Say whether what was typed is to be read once more before it is sent: a button asks so."""
    return request.form.get("check") == "y"


def adopts(form: TransitionForm) -> bool:
    """Say whether a form is asked for with what was proposed filled in: by address or button."""
    asked = request.form if form.is_submitted() else request.args
    return isinstance(form, CorrectionForm) and "adopt" in asked


def build_form(transition: Transition, entity: Entity) -> TransitionForm:
    """Return the form that a transition asks for, filled from what was sent."""
    form = FORMS[transition.form](entity=entity, policy=current_policy(), session=db.session())
    drafts.take_kept(form)
    return form


def send(
    service: Callable[[cases.Submission], Result],
    form: TransitionForm,
    entity: Entity,
    transition: Transition,
    *purpose: str,
) -> Result:
    """Return what a service made of a form that was sent.

    Where it refuses, the request is answered at once: with the form, and all that was typed.
    """
    account_id = current_user.id  # nothing of the person is read again after the step
    try:
        result = service(submission_of(form, *purpose))
        kept_drafts.finish(account_id, request.path)
        return result
    except (Refused, WrongState, cases.Stale) as conflict:
        answer = show_conflict(form, entity, transition, conflict)
    except cases.TokenBorrowed:
        answer = show_borrowed(form, entity, transition)
    raise HTTPException(response=make_response(answer))


def submission_of(form: TransitionForm, *purpose: str) -> cases.Submission:
    """Return what was sent, for the services."""
    return cases.Submission(
        answers=form.answers(),
        uploads=form.uploads,
        token=form.sent_token,
        version=form.drawn_version,
        purpose=" ".join(purpose),
    )


def show_form(
    form: TransitionForm,
    entity: Entity,
    transition: Transition,
    *,
    reasons: tuple[Reason, ...] | None = None,
    record: CreditRecord | None = None,
) -> Answer:
    """Return the page of a transition's question; what was typed stays."""
    is_for_this = True
    if reasons is None:
        asked = (current_user, entity, transition.name)
        found = cases.reasons_against(*asked)
        if found is None and entity.ref:
            found = cases.why_not_here(*asked)
            is_for_this = found is None
        if found is None:
            return show_conflict(form, entity, transition, WrongState(transition.name))
        reasons = tuple(found)
    draft = None
    if not form.is_submitted():
        form.draw(entity.version)
        draft = drafts.restore(form)
        status = HTTPStatus.OK if is_for_this else HTTPStatus.CONFLICT
    else:
        shown = is_only_shown(form, transition) or (is_checked() and not form.errors)
        refused = HTTPStatus.OK if shown else form.failure
        status = HTTPStatus.CONFLICT if reasons else refused
    if isinstance(form, CorrectionForm) and adopts(form):
        form.adopt()
    page = render_page(form, entity, transition, reasons=reasons, record=record, draft=draft)
    return page, status


def show_borrowed(form: TransitionForm, entity: Entity, transition: Transition) -> Answer:
    """Return the page with a fresh token: the old one was used for something else."""
    form.draw(entity.version)
    page = render_page(form, entity, transition, reasons=(), borrowed=True)
    return page, HTTPStatus.UNPROCESSABLE_ENTITY


def show_conflict(
    form: TransitionForm, entity: Entity, transition: Transition, conflict: Exception
) -> Answer:
    """Return the page that says what changed meanwhile, with what was typed kept for sending."""
    refused = isinstance(conflict, Refused)
    if entity.ref:  # what could not be opened is kept nowhere
        db.session.refresh(entity)
    form.draw(entity.version)
    page = render_page(
        form,
        entity,
        transition,
        reasons=conflict.reasons
        if isinstance(conflict, Refused)
        else cases.reasons_against(current_user, entity, transition.name),
        changed=not refused,
    )
    return page, HTTPStatus.CONFLICT


def render_page(
    form: TransitionForm,
    entity: Entity,
    transition: Transition,
    *,
    reasons: Any,
    record: CreditRecord | None = None,
    changed: bool = False,
    borrowed: bool = False,
    draft: Draft | None = None,
) -> str:
    """Return the HTML: the transition's own template where there is one."""
    staged = drafts.keep_chosen(form)
    checking = is_checked() and not (reasons or changed or borrowed or form.errors)
    workflow = current_policy().workflow_of(entity)
    back = page_of(entity) if entity.ref else url_for("records.show", ref=record_of(entity).ref)
    return render_template(
        [
            f"transitions/{workflow.name}/{transition.name}.html",
            f"transitions/{transition.form}.html",
            "transitions/transition.html",
        ],
        form=form,
        entity=entity,
        record=record or record_of(entity),
        transition=transition,
        workflow=workflow,
        reasons=reasons,
        changed=changed,
        begins=not (changed or form.is_submitted()) and not FILERS.isdisjoint(transition.by),
        borrowed=borrowed,
        happenings=last_happenings(entity) if changed else [],
        back=back,
        draft=draft,
        staged=staged,
        checking=checking,
        kept_page=request.path if drafts.keeps(form) or "evidence" in form else None,
    )


def last_happenings(entity: Entity) -> list[Any]:
    """Return the latest events of an entity's chain: what happened meanwhile."""
    from repair_app.engine.machine import stream_of
    from repair_app.services import history

    return history.list_happenings(stream_of(entity), current_user, internal=False)[-3:]


@pages.app_template_global("asked_of")
def asked_of(entity: Entity) -> supplements.Asked | None:
    """Return what a matter, or the one it is a part of, waits to be supplemented with, if any."""
    case = case_of(entity)
    return supplements.list_asked([case]).get(case.ref) if case else None


pages.add_app_template_global(first_decisions.find, "first_decision")
pages.add_app_template_global(first_decisions.compare, "compared")


def way_on(entity: Entity, name: str) -> str:
    """Return where a person goes on after a step: mostly the page of what it was taken on."""
    asks = partial(url_for, "transitions.fire", kind="requirements", ref=entity.ref)
    if name == "submit":
        return receipt_of(entity)
    if name == cases.AMEND:
        return url_for("transitions.fire", kind="cases", ref=entity.ref, name="submit")
    if name == "begin_test":
        return asks(name="hand_in_test")
    if name == "read_lesson" and isinstance(entity, Requirement):
        lesson = training.next_lesson(entity)
        return asks(name=name, lesson=lesson) if lesson else page_of(entity)
    return page_of(entity)


def receipt_of(entity: Entity) -> str:
    """Return the page that says that a matter was filed; of one that was not, its own."""
    filed = isinstance(entity, Case) and entity.submitted_at is not None
    return url_for("my.receipt", ref=entity.ref) if filed else page_of(entity)


def page_of(entity: Entity | RecordUpload) -> str:
    """Return the address of the page that shows an entity to this person."""
    match entity:
        case Case():
            return url_for("cases.show", ref=entity.ref)
        case Requirement() if (entity.workflow, entity.state) == ("training", "studying"):
            return url_for("training.study", ref=entity.ref)
        case Requirement() if cases.actors_of(current_user, entity.case):
            return url_for("cases.show", ref=entity.case.ref)
        case Requirement():
            return url_for("cases.show_requirement", ref=entity.ref)
        case RecordUpload():
            return url_for("work.show_file", ref=entity.ref)
        case _:
            return url_for("records.show", ref=record_of(entity).ref)
