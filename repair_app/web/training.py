"""Credit training: courses that everybody may read, tests, dates. Free of charge."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.db import today
from repair_app.forms.training import DateForm
from repair_app.models import Requirement
from repair_app.services import cases, institutions, training
from repair_app.web.door import only, public, signed_in
from repair_app.web.view import may

pages = Blueprint("training", __name__, url_prefix="/training")


@pages.get("")
@public
def index() -> str:
    """Show the courses, the dates to come, and the registered institutions."""
    own = training.list_own_trainings(current_user) if current_user.is_authenticated else ()
    return render_template(
        "training/index.html",
        courses=training.current_courses().values(),
        dates=training.list_dates(),
        registered=institutions.list_registered(),
        own=own,
        announces=may(*training.TRAINERS),
    )


@pages.get("/courses/<key>")
@public
def course(key: str) -> str:
    """Show a course and its lessons."""
    found = training.current_courses().get(key) or abort(404)
    return render_template("training/course.html", course=found)


@pages.get("/courses/<key>/<lesson>")
@public
def lesson(key: str, lesson: str) -> str:
    """Show a lesson to anybody."""
    found = training.current_courses().get(key) or abort(404)
    text = found.lessons.get(lesson) or abort(404)
    return render_template(
        "training/lesson.html", course=found, lesson=text, after=found.lesson_after(lesson)
    )


@pages.get("/<ref:ref>")
@signed_in
def study(ref: str) -> str:
    """Show an enterprise how far it is with its course, and what comes next."""
    requirement = cases.get_visible("requirements", ref, current_user)
    if not isinstance(requirement, Requirement) or requirement.workflow != "training":
        abort(404)
    enrolment = training.find_enrolment(requirement)
    found = training.current_courses().get(enrolment.course) if enrolment else None
    return render_template(
        "training/study.html",
        requirement=requirement,
        enrolment=enrolment,
        course=found,
        offers={one.transition.name: one for one in cases.list_offers(current_user, requirement)},
    )


@pages.route("/dates", methods=["GET", "POST"])
@only(*training.TRAINERS)
def dates() -> str | tuple[str, int] | Response:
    """Announce a training date; list those announced before, with who booked."""
    form = DateForm()
    form.organiser.choices = [
        (one.organisation_id, one.organisation.name)
        for one in current_user.current_appointments
        if one.role in training.TRAINERS
    ]
    if form.validate_on_submit():
        new = training.NewDate(
            title=form.title.data or "",
            held_on=form.held_on.data or today(),
            hours=form.hours.data or "",
            place=form.place.data or "",
            seats=form.seats.data or 1,
        )
        training.announce_date(current_user, form.organiser.data, new)
        flash(gettext("The date is announced."), "success")
        return redirect(url_for("training.dates"))
    own = training.list_own_dates(current_user)
    page = render_template("training/dates.html", form=form, dates=own)
    return page, 400 if form.is_submitted() else 200


@pages.post("/dates/<row:number>/call-off")
@only(*training.TRAINERS)
def call_off(number: int) -> Response:
    """Call a training date off."""
    try:
        training.call_off_date(current_user, number)
    except training.NotYours:
        abort(404)
    flash(gettext("The date is called off."), "success")
    return redirect(url_for("training.dates"))
