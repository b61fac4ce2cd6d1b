"""The register of credit service institutions, for the administrator."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.db import today
from repair_app.forms.administration import RegistrationForm
from repair_app.models import InstitutionRegistration, User
from repair_app.services import administration, institutions
from repair_app.services.administration import Registration
from repair_app.services.offices import Duty
from repair_app.web import words
from repair_app.web.door import entrusted
from repair_app.web.office import Answer, asks, press, show_form

pages = Blueprint("institutions", __name__, url_prefix="/admin/institutions")
Change = Callable[[User | None, int], InstitutionRegistration]
CHANGES: dict[str, Change] = {
    "suspend": administration.suspend_institution,
    "resume": administration.resume_institution,
    "end": administration.end_institution,
}


@pages.get("")
@entrusted(Duty.RUN)
def index() -> str:
    """List every registration."""
    found = institutions.list_all()
    return render_template("admin/institutions.html", found=found, day=today())


@pages.route("/new", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def register() -> Answer:
    """Register an institution for a service."""
    form, back = RegistrationForm(), url_for("institutions.index")
    form.offer(words.SERVICES)
    if not asks(form, lambda: register_from(form)):
        title, button = gettext("Register an institution"), gettext("Register")
        return show_form(form, title, button, back)
    flash(gettext("The institution is registered."), "success")
    return redirect(back)


def register_from(form: RegistrationForm) -> None:
    """Register the institution of a form. Raises NotPossible."""
    first, last = form.valid_from.data, form.valid_until.data
    if first is None or last is None:
        raise TypeError("the form asks for both days")
    code, number = (form.uscc.data or "").upper(), form.number.data or ""
    new = Registration(code, form.service.data, number, first, last)
    administration.register_institution(current_user, new)


@pages.post("/<row:number>/<any(suspend, resume, end):name>")
@entrusted(Duty.RUN)
def change(number: int, name: str) -> Response:
    """Suspend a registration, resume it, or end it."""
    back, done = url_for("institutions.index"), gettext("The registration was changed.")
    return press(lambda: CHANGES[name](current_user, number), done, back)
