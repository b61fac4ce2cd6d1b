"""Organisations on file, for the administrator: found, added, renamed, placed under another."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user

from repair_app.forms.administration import NameForm, OrganisationForm, SuperiorForm
from repair_app.models import Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.services import administration, organisations
from repair_app.services.offices import Duty
from repair_app.web import words
from repair_app.web.door import entrusted
from repair_app.web.office import Answer, asks, page_after, show_form
from repair_app.web.view import asked_for

pages = Blueprint("organisations", __name__, url_prefix="/admin/organisations")


@pages.get("")
@entrusted(Duty.LOOK)
def index() -> str:
    """List organisations; look for one."""
    query, kind = asked_for("q"), asked_for("kind")
    found = organisations.list_page(query, kind, page_after())
    return render_template(
        "admin/organisations.html",
        found=found[: organisations.PAGE],
        more=len(found) > organisations.PAGE,
        query=query,
        kind=kind,
        kinds=organisations.ADDED,
    )


@pages.route("/new", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def add() -> Answer:
    """Put an organisation on file."""
    form = OrganisationForm()
    form.offer({str(one): words.ORGANISATION_KINDS[one] for one in organisations.ADDED})
    made: list[Organisation] = []
    if not asks(form, lambda: made.append(add_from(form))):
        title, button = gettext("Add an organisation"), gettext("Add")
        return show_form(form, title, button, url_for("organisations.index"))
    flash(gettext("%(name)s is on file.", name=made[0].name), "success")
    return redirect(url_for("organisations.show", number=made[0].id))


def add_from(form: OrganisationForm) -> Organisation:
    """Put the organisation of a form on file. Raises NotPossible."""
    kind = OrganisationKind(form.kind.data)
    return organisations.add(current_user, form.uscc.data or "", form.name.data or "", kind)


@pages.get("/<row:number>")
@entrusted(Duty.LOOK)
def show(number: int) -> str:
    """Show an organisation with its people."""
    found = organisations.get(number)
    seats = administration.list_people_of(found, page_after())
    return render_template(
        "admin/organisation.html",
        found=found,
        seats=seats[: administration.PAGE],
        more=len(seats) > administration.PAGE,
        is_placed=found.kind in organisations.PLACED,
    )


@pages.route("/<row:number>/name", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def rename(number: int) -> Answer:
    """Correct the name of an organisation."""
    found, back = organisations.get(number), url_for("organisations.show", number=number)
    form = NameForm(obj=found)
    if not asks(form, lambda: organisations.rename(current_user, number, form.name.data or "")):
        return show_form(form, gettext("Correct the name"), gettext("Correct"), back, found.name)
    flash(gettext("The name was corrected."), "success")
    return redirect(back)


@pages.route("/<row:number>/superior", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def place(number: int) -> Answer:
    """Say which unit stands above an organisation."""
    found, back = organisations.get(number), url_for("organisations.show", number=number)
    form = SuperiorForm(data={"superior": organisations.code_of(found.superior)})
    if not asks(form, lambda: organisations.place(current_user, number, form.superior.data)):
        title = gettext("Set the superior unit")
        return show_form(form, title, gettext("Set"), back, found.name)
    flash(gettext("The superior unit was set."), "success")
    return redirect(back)
