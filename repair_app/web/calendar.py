"""The administrator's calendar: what holds, who changed it, and entering a list of days."""

from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import IntegerField, StringField, SubmitField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from repair_app.calendar import REASONS
from repair_app.db import today
from repair_app.forms.base import clean_text, line
from repair_app.services import calendar
from repair_app.services.calendar_file import YEARS, CalendarProblem, read_lines
from repair_app.services.offices import Duty
from repair_app.web.door import entrusted
from repair_app.web.view import asked_for, language

pages = Blueprint("calendar", __name__, url_prefix="/admin/calendar")
MOST_MOVES = 100  # deadlines on a preview; how many there are in all is told


class DaysForm(FlaskForm):
    """A list of days off and made-up working days, and where it comes from."""

    days = TextAreaField(
        _l("Days"),
        description=_l(
            "One line for a day or a run of days: 2027-01-01..2027-01-03 rest New Year. "
            "A weekend day that is worked: 2027-01-10 works."
        ),
        filters=[clean_text],
        validators=[DataRequired(_l("Name at least one day.")), Length(max=50_000)],
        render_kw={"rows": 10},
    )
    announces = IntegerField(
        _l("Official year"),
        description=_l("The year whose days off the list gives in full; empty for single days."),
        validators=[
            Optional(),
            NumberRange(YEARS[0], YEARS[-1], _l("This is no year that the calendar can hold.")),
        ],
    )
    source = line(
        _l("Source"),
        description=_l("The announcement, as people cite it, or by whose order."),
        length=calendar.LONGEST_NOTE,
    )
    note = StringField(
        _l("Note"), filters=[clean_text], validators=[Optional(), Length(max=calendar.LONGEST_NOTE)]
    )
    preview = SubmitField(_l("Show what would move"))


@pages.route("", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def index() -> str | tuple[str, int] | Response:
    """Show the calendar; enter a list of days, or look first at what it would move."""
    form = DaysForm()
    if not form.validate_on_submit():
        return show(form, HTTPStatus.BAD_REQUEST if form.is_submitted() else HTTPStatus.OK)
    try:
        given = read_lines(form.days.data or "", form.source.data or "", form.announces.data)
        dry = bool(form.preview.data)
        done = calendar.publish(given, current_user, note=form.note.data or "", dry=dry)
    except CalendarProblem as problem:
        form.days.errors = [problem.text(language())]
        return show(form, HTTPStatus.BAD_REQUEST)
    if dry:
        return show(form, HTTPStatus.OK, preview=done)
    flash(
        gettext(
            "Edition %(edition)s is in force; %(moved)s open deadlines moved.",
            edition=done.edition,
            moved=len(done.moved),
        )
    )
    year = form.announces.data or given.words[0].day.year
    return redirect(url_for("calendar.index", year=year))


def show(
    form: DaysForm, status: HTTPStatus, preview: calendar.Published | None = None
) -> tuple[str, int]:
    """Return the page of a year, with the form, the editions, and what the form would move."""
    page = render_template(
        "admin/calendar.html",
        form=form,
        found=calendar.show_year(asked_year()),
        reasons=REASONS,
        editions=calendar.list_editions(),
        preview=preview,
        most=MOST_MOVES,
    )
    return page, status


def asked_year() -> int:
    """Return the year that the address asks for, or else this one."""
    text = asked_for("year")
    asked = int(text) if text.isascii() and text.isdigit() and len(text) == len("2026") else 0
    return asked if asked in YEARS else today().year
