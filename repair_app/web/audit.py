"""The auditor's pages: every event, looked for in many ways, and whether the ledger is whole."""

from flask import Blueprint, render_template, request
from flask_babel import gettext
from flask_login import current_user

from repair_app.forms.administration import EventsForm
from repair_app.models import Role
from repair_app.penalty_format.uscc import is_uscc, normalise_uscc
from repair_app.services import deadlines, history, security
from repair_app.services import enquiries as asking
from repair_app.services.history import Sought
from repair_app.services.office_book import BOOKS
from repair_app.services.policy import current_policy
from repair_app.web import words
from repair_app.web.door import only
from repair_app.web.view import asked_for, language, row_before
from repair_app.web.workings import alarm_words

pages = Blueprint("audit", __name__, url_prefix="/audit")


@pages.get("")
@only(Role.AUDITOR)
def index() -> str:
    """List the newest events that fit what is looked for; nobody's words are shown."""
    form = EventsForm(request.args)
    offer(form)
    fits = form.validate()
    happenings = history.list_latest(row_before(), read_sought(form)) if fits else []
    return render_template(
        "audit/index.html",
        form=form,
        asked={name: text for name, text in request.args.items() if name in form and text},
        happenings=happenings,
        page=history.PAGE,
        with_page=history.list_with_page({one.event.stream for one in happenings}, current_user),
        alarms=alarm_words(deadlines.list_alarms(), language()),
    )


def offer(form: EventsForm) -> None:
    """Set the matters with their steps, and the roles, to choose from."""
    known = {**current_policy().current, **BOOKS}
    any_one = ("", gettext("any"))
    groups = {
        one.label.text(language()): [
            (name, gettext("any step")),
            *((f"{name}.{key}", step.label.text(language())) for key, step in steps),
        ]
        for name, one in known.items()
        for steps in [one.transitions.items()]
    }
    form.what.choices = {"—": [any_one], **groups}
    form.role.choices = [any_one, *words.ROLES.items()]


def read_sought(form: EventsForm) -> Sought:
    """Return what a form looks for."""
    workflow, _, step = (form.what.data or "").partition(".")
    return Sought(
        ref=form.ref.data or "",
        workflow=workflow,
        step=step,
        role=form.role.data or "",
        organisation=form.organisation.data or "",
        since=form.since.data,
        until=form.until.data,
    )


@pages.get("/verify")
@only(Role.AUDITOR)
def verify() -> str:
    """Check every chain of events and say what was found."""
    count, flaw = history.verify_all()
    return render_template("audit/verify.html", count=count, flaw=flaw)


@pages.get("/enquiries")
@only(Role.AUDITOR)
def enquiries() -> str:
    """List what was asked of the enforcement gate, by whom, what for, and what it answered."""
    typed = asked_for("uscc")
    wrong = bool(typed) and not is_uscc(typed)
    code = normalise_uscc(typed) if typed and not wrong else ""
    found = [] if wrong else asking.list_latest(row_before(), code)
    return render_template(
        "audit/enquiries.html",
        asked=found[: asking.PAGE],
        more=len(found) > asking.PAGE,
        uscc=typed,
        is_mistyped=wrong,
        states=asking.STATES,
    )


@pages.get("/refused")
@only(Role.AUDITOR)
def refused() -> str:
    """List what was refused: who tried what, how often in a minute."""
    found = security.list_latest(row_before())
    shown = found[: security.PAGE]
    return render_template(
        "audit/refused.html",
        refusals=shown,
        more=len(found) > security.PAGE,
        kinds=security.KINDS,
        names=security.name_who(shown),
    )
