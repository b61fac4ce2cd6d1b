"""Questions about what a repair needs: training, reports, checks, public service, commitments."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from babel.lists import format_list
from flask import current_app, request
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, func, or_, select
from wtforms import DateField, HiddenField, IntegerField
from wtforms.fields.core import Field
from wtforms.validators import InputRequired, ValidationError

from repair_app.db import today
from repair_app.engine.courses import Course, Question
from repair_app.forms.base import (
    LINE_LENGTH,
    Drawn,
    EvidenceMixin,
    SelectField,
    TransitionForm,
    line,
    long_text,
)
from repair_app.forms.questions import CertificateForm, as_text
from repair_app.models import (
    Enrolment,
    InstitutionRegistration,
    Organisation,
    Requirement,
    TestAttempt,
    TrainingBooking,
    TrainingDate,
)
from repair_app.models.parties import OrganisationKind
from repair_app.penalty_format import normalise_uscc

LONGEST_SERVICE = 2000  # hours; more is a slip of the key
ONLINE = 0  # in a list of training dates: none of them


def courses() -> Mapping[str, Course]:
    """Return the courses that the application was started with, by key."""
    found: Mapping[str, Course] = current_app.extensions["redress_courses"]
    return found


class RequirementForm(TransitionForm):
    """A question about one requirement of a repair."""

    asked = False

    @property
    def requirement(self) -> Requirement:
        """Return the requirement that is asked about. Raises TypeError for anything else."""
        if not isinstance(self.entity, Requirement):
            raise TypeError(f"{type(self).__name__} asks about a requirement")
        return self.entity


class ServiceForm(RequirementForm):
    """Which registered institution is asked for what the requirement needs."""

    facts = ("institution_id",)
    institution_id = SelectField(_l("Credit service institution"), coerce=int)

    def fill(self) -> None:
        """Offer those registered for the service today; none certifies itself."""
        self.institution_id.choices = self.institutions()

    def institutions(self) -> list[tuple[int, str]]:
        """Return who offers the service: registered institutions, for training agencies as well."""
        day, one = today(), InstitutionRegistration
        registered = select(one.organisation_id).where(
            one.service == self.requirement.workflow,
            one.valid_from <= day,
            one.valid_until >= day,
            or_(one.ended_on.is_(None), one.ended_on > day),
            one.suspended_on.is_(None),
        )
        fits = and_(
            Organisation.kind == OrganisationKind.INSTITUTION, Organisation.id.in_(registered)
        )
        query = select(Organisation.id, Organisation.name).where(
            or_(fits, *self.public_trainers()), Organisation.id != self.case.subject_id
        )
        rows = self.session.execute(query.order_by(Organisation.name))
        return [(row.id, row.name) for row in rows]

    def public_trainers(self) -> list[Any]:
        """Return who else offers the service: nobody."""
        return []


class TrainingPlaceForm(ServiceForm):
    """Who gives the training, and at which of the dates that were announced, if at one."""

    institution_id = SelectField(_l("Who gives the training"), coerce=int)
    training_id = SelectField(_l("Date"), coerce=int)

    def fill(self) -> None:
        """Offer institutions and agencies, and the dates that have seats."""
        super().fill()
        self.training_id.choices = [
            (ONLINE, str(_l("None of these: arranged with the institution"))),
            *((one.id, date_text(one)) for one in self.dates()),
        ]

    def public_trainers(self) -> list[Any]:
        """Return agencies that announced a training: they may give it themselves."""
        announced = select(TrainingDate.organiser_id).where(
            TrainingDate.held_on >= today(), TrainingDate.called_off_at.is_(None)
        )
        return [Organisation.id.in_(announced)]

    def dates(self) -> list[TrainingDate]:
        """Return the dates to come that have a seat, the next first."""
        taken = (
            select(func.count())
            .where(TrainingBooking.training_id == TrainingDate.id)
            .scalar_subquery()
        )
        query = select(TrainingDate).where(
            TrainingDate.held_on >= today(),
            TrainingDate.called_off_at.is_(None),
            taken < TrainingDate.seats,
        )
        return list(self.session.scalars(query.order_by(TrainingDate.held_on).limit(100)))

    def validate_training_id(self, field: Field) -> None:
        """Refuse a date of another organiser. Raises ValidationError."""
        chosen = next((one for one in self.dates() if one.id == field.data), None)
        if chosen is not None and chosen.organiser_id != self.institution_id.data:
            raise ValidationError(_l("This date is held by another organiser."))

    def read_facts(self) -> Mapping[str, Any]:
        """Return who gives the training, and the date if one was chosen."""
        chosen = {"institution_id": self.institution_id.data}
        return chosen | ({"training_id": self.training_id.data} if self.training_id.data else {})


def date_text(one: TrainingDate) -> str:
    """Return a training date in one line."""
    return f"{one.held_on:%Y-%m-%d} {one.hours} {one.title} · {one.place} · {one.organiser.name}"


class OnlineCourseForm(TransitionForm):
    """Which course is read online."""

    course = SelectField(_l("Course"))

    def fill(self) -> None:
        """Offer the courses on file."""
        self.course.choices = [
            (key, one.title.text(self.language)) for key, one in courses().items()
        ]

    def read_facts(self) -> Mapping[str, Any]:
        """Return the course as it is now: what is begun goes on by it."""
        course = courses()[self.course.data]
        return {
            "course": course.key,
            "edition": course.edition,
            "lessons": list(course.lessons),
            "pass_mark": course.pass_mark,
            "tries_a_day": course.tries_a_day,
            "valid_months": course.valid_months,
        }


class CourseForm(RequirementForm):
    """A question inside an online course that was begun."""

    asked = False

    @property
    def enrolment(self) -> Enrolment | None:
        """Return the course that was begun last."""
        return self.session.scalar(
            select(Enrolment)
            .where(Enrolment.requirement_id == self.requirement.id)
            .order_by(Enrolment.begun_at.desc(), Enrolment.id.desc())
            .limit(1)
        )

    @property
    def of_course(self) -> Course:
        """Return the course that was begun last, or the first on file."""
        begun = self.enrolment
        known = courses()
        return (
            known[begun.course] if begun and begun.course in known else next(iter(known.values()))
        )


class LessonForm(CourseForm):
    """That a lesson was read."""

    facts = ("lesson",)
    lesson = SelectField(_l("Lesson"))

    def fill(self) -> None:
        """Offer the lessons, the first unread one chosen."""
        course, begun = self.of_course, self.enrolment
        self.lesson.choices = [
            (key, one.title.text(self.language)) for key, one in course.lessons.items()
        ]
        if not self.is_submitted():
            wanted = request.args.get("lesson", "")
            unread = course.next_lesson(begun.lessons_read if begun else ())
            self.lesson.data = wanted if wanted in course.lessons else unread

    @property
    def text(self) -> str:
        """Return the text of the lesson that is shown."""
        lesson = self.of_course.lessons.get(self.lesson.data or "")
        return lesson.text if lesson else ""


class BeginTestForm(CourseForm):
    """Nothing is asked: the questions are drawn from the bank when the test begins."""

    def read_facts(self) -> Mapping[str, Any]:
        """Return a seed and the questions that it draws; the same form draws the same test."""
        drawn_from = f"{current_app.secret_key!r} {self.sent_token}"
        seed = int(hashlib.sha256(drawn_from.encode()).hexdigest()[:7], 16)
        course = self.of_course
        return {"edition": course.edition, "seed": seed, "questions": list(course.draw(seed))}


class TestForm(CourseForm):
    """The test that was begun; its questions lie with the attempt."""

    __test__ = False  # no test of the test suite
    draws_own = True
    complete = HiddenField(default="y")

    def fill(self) -> None:
        """Start from the answers that were sent."""
        super().fill()
        self.ticked = request.form.to_dict(flat=False)

    def take_back(self, values: Mapping[str, list[str]]) -> None:
        """Tick what was ticked before the person left."""
        self.ticked = dict(values)

    @property
    def attempt(self) -> TestAttempt | None:
        """Return the test that is open."""
        begun = self.enrolment
        return begun.open_attempt if begun else None

    @property
    def drawn(self) -> list[Question]:
        """Return the questions of the open test, in the order in which they were drawn."""
        bank = self.of_course.bank
        return [
            bank[one] for one in (self.attempt.questions if self.attempt else ()) if one in bank
        ]

    def drawn_questions(self) -> list[Drawn]:
        """Return the questions of the open test."""
        return [
            Drawn(f"answer_{one.id}", one.text, one.lettered, of_several=one.kind == "multiple")
            for one in self.drawn
        ]

    def chosen(self, question: Question) -> list[str]:
        """Return the letters that were chosen for a question, each once, in order."""
        ticked = self.ticked.get(f"answer_{question.id}", ())
        return [letter for letter, _ in question.lettered if letter in ticked]

    def validate_complete(self, field: Field) -> None:
        """Ask for an answer to every question. Raises ValidationError."""
        if missing := [
            str(number) for number, one in enumerate(self.drawn, start=1) if not self.chosen(one)
        ]:
            numbers = format_list(missing, locale=get_locale())
            raise ValidationError(_l("Answer question %(numbers)s.", numbers=numbers))

    def read_facts(self) -> Mapping[str, Any]:
        """Return answers and marks; the mark needed is the course's as it was begun."""
        drawn = self.drawn
        answers = {one.id: self.chosen(one) for one in drawn}
        marks = self.of_course.mark([one.id for one in drawn], answers) if drawn else 0
        return {"answers": answers, "marks": marks}


class PaperForm(CertificateForm):
    """A certificate or report on an enterprise, whose code is entered as it stands there."""

    facts: ClassVar[tuple[str, ...]] = ("number", "issued_on", "valid_until", "uscc")
    uscc = line(
        _l("Code of the enterprise, as it stands on the paper"),
        description=_l("Unified social credit code: the paper has to be on this enterprise."),
        length=30,
    )

    def read_facts(self) -> Mapping[str, Any]:
        """Return number, dates and the enterprise's code."""
        return {**super().read_facts(), "uscc": normalise_uscc(self.uscc.data or "")}


class CheckForm(EvidenceMixin, TransitionForm):
    """What a credit check looked at, and what it found."""

    texts = ("findings",)
    findings = long_text(
        _l("Findings"), description=_l("Which files were looked at, and what stands there.")
    )


class PublicServiceForm(EvidenceMixin, TransitionForm):
    """Public service that was done: how long, for whom, with proof."""

    facts = ("hours", "served_until")
    texts = ("organiser", "statement")
    organiser = line(_l("Who organised it"), length=LINE_LENGTH)
    hours = IntegerField(
        _l("Hours"), validators=[InputRequired()], render_kw={"min": 1, "max": LONGEST_SERVICE}
    )
    served_until = DateField(_l("Last day of the service"), validators=[InputRequired()])
    statement = long_text(_l("What was done"))

    def validate_hours(self, field: Field) -> None:
        """Refuse no service, or more than anybody does. Raises ValidationError.

        NumberRange cannot compare a number of hundreds of digits.
        """
        if field.data is not None and not 1 <= field.data <= LONGEST_SERVICE:
            told = field.gettext("Number must be between %(min)s and %(max)s.")
            raise ValidationError(told % {"min": 1, "max": LONGEST_SERVICE})

    def validate_served_until(self, field: Field) -> None:
        """Refuse a day to come. Raises ValidationError."""
        if field.data and field.data > today():
            raise ValidationError(_l("This day has not come yet."))

    def validate_evidence(self, field: Field) -> None:
        """Ask for at least one file. Raises ValidationError."""
        super().validate_evidence(field)
        if not self.uploads:
            raise ValidationError(_l("Attach at least one document."))

    def read_facts(self) -> Mapping[str, Any]:
        """Return hours and last day, the day as ISO text."""
        return {"hours": self.hours.data, "served_until": as_text(self.served_until)}


class BreachForm(EvidenceMixin, TransitionForm):
    """What of a commitment was not kept, and what is to follow."""

    texts = ("unfulfilled", "liability", "findings")
    unfulfilled = long_text(
        _l("What of the commitment was not kept"), description=_l("The other side reads this.")
    )
    liability = long_text(
        _l("What is to follow"), description=_l("As the commitment says of its breach.")
    )
    findings = long_text(_l("Findings"), description=_l("What was checked, and what was found."))


class BreachDecisionForm(EvidenceMixin, TransitionForm):
    """How a commitment was kept: what was found, how the answer was weighed, what comes next."""

    texts = ("findings", "weighing", "remedy")
    findings = long_text(
        _l("Findings and reasons"), description=_l("The other side reads these reasons.")
    )
    weighing = long_text(
        _l("How the subject's views were weighed"),
        description=_l("Say so where none were stated in time."),
    )
    remedy = long_text(_l("What the subject can do next"))
