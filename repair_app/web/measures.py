"""The administrator's catalogue of measures: what is in force, and putting another in force."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import HiddenField, SubmitField, TextAreaField
from wtforms.validators import DataRequired, Length

from repair_app.forms.base import line
from repair_app.services import catalogue, history
from repair_app.services.catalogue_file import CatalogueProblem, decode, read_text, write_text
from repair_app.services.offices import Duty
from repair_app.services.policy import current_policy
from repair_app.web.door import entrusted
from repair_app.web.view import language

pages = Blueprint("measures", __name__, url_prefix="/admin/measures")
LONGEST = 200_000  # characters of a catalogue
CHANGES: dict[str, Any] = {
    "added": _l("newly listed"),
    "changed": _l("altered"),
    "withdrawn": _l("no longer listed"),
    "restored": _l("listed again"),
}
FIELDS: dict[str, Any] = {  # of a measure
    "name_zh": _l("Name (Chinese)"),
    "name_en": _l("Name (English)"),
    "kind": _l("Kind"),
    "force": _l("Force"),
    "basis": _l("Basis"),
    "classes": _l("Classes of records"),
    "reaches_persons": _l("reaches persons"),
    "longest_months": _l("Longest term, in months"),
    "withdrawn_on": _l("Withdrawn from"),
}


def with_plain_ends(text: str | None) -> str:
    """Return a text with its lines ended alike, and no other change: lines are told by number."""
    return (text or "").replace("\r\n", "\n").removeprefix("\ufeff")


class CatalogueForm(FlaskForm):
    """A catalogue, as a file or as text, and by whose order. What was sent stays as text."""

    file = FileField(
        _l("File"),
        description=_l("It takes the place of the text below."),
        render_kw={"accept": ".toml,text/plain"},
    )
    text = TextAreaField(
        _l("Catalogue"),
        description=_l("The whole catalogue, in the format of workflows/measures.toml."),
        filters=[with_plain_ends],
        validators=[
            DataRequired(_l("Choose a file, or enter the catalogue.")),
            Length(max=LONGEST, message=_l("This is too long for a catalogue.")),
        ],
        render_kw={"rows": 14, "spellcheck": "false"},
    )
    source = line(
        _l("Source"),
        description=_l("The announcement of the catalogue, or by whose order."),
    )
    seen = HiddenField()
    preview = SubmitField(_l("Show what would change"))

    def take_file(self) -> None:
        """Put a file that was sent into the text. Raises CatalogueProblem."""
        if self.file.data:
            content = self.file.data.stream.read(4 * LONGEST + 1)  # bytes of a character, at most
            self.text.data = with_plain_ends(decode(content))


@pages.route("", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def index() -> Any:
    """Show the catalogue; put another in force, once it was looked at what that changes."""
    form = CatalogueForm()
    if not form.is_submitted():
        return show(form)
    try:
        form.take_file()
        if not form.validate():
            return show(form, HTTPStatus.BAD_REQUEST)
        measures = read_text(form.text.data or "")
        plan = catalogue.preview(measures)
        if form.preview.data or form.seen.data != plan.seal:
            return show(form, plan=plan)
        done = catalogue.apply(measures, current_user, form.source.data or "", seen=plan.seal)
    except CatalogueProblem as problem:
        form.text.errors = [problem.text(language())]
        return show(form, HTTPStatus.BAD_REQUEST)
    count = len(done.changes)
    told = ngettext(
        "The catalogue is in force: %(num)s measure is another.",
        "The catalogue is in force: %(num)s measures are others.",
        count,
    )
    flash(told, "success")
    return redirect(url_for("measures.index"))


def show(
    form: CatalogueForm, status: HTTPStatus = HTTPStatus.OK, plan: catalogue.Plan | None = None
) -> tuple[str, int]:
    """Return the page, with the form and what it would change."""
    if plan is not None:
        form.seen.data = plan.seal
    page = render_template(
        "admin/measures.html",
        form=form,
        plan=plan,
        found=catalogue.list_measures(),
        running=catalogue.count_running(),
        classes=class_labels(),
        happenings=history.list_of_book(catalogue.BOOK),
        changes=CHANGES,
        fields=FIELDS,
    )
    return page, status


def class_labels() -> dict[str, Any]:
    """Return what the classes of records are called, by name."""
    packs = current_policy().packs.values()
    return {name: one.label for pack in packs for name, one in pack.classes.items()}


@pages.get("/measures.toml")
@entrusted(Duty.RUN)
def download() -> Response:
    """Hand out the catalogue in force in the format in which it is changed."""
    answer = Response(write_text(catalogue.list_measures()), mimetype="application/toml")
    answer.headers["Content-Disposition"] = 'attachment; filename="measures.toml"'
    return answer
