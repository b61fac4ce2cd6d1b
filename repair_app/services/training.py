"""Training dates, and what the pages show of a course: progress and tests."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from repair_app.access import organisations_as, visible_to
from repair_app.db import db, now, today
from repair_app.engine.courses import Course
from repair_app.engine.step import Answers
from repair_app.models import (
    Case,
    Enrolment,
    Requirement,
    Role,
    TestAttempt,
    TrainingBooking,
    TrainingDate,
    User,
)
from repair_app.services import cases
from repair_app.services.transaction import transaction

# Institutions, and lead and sector departments (…五（十八）; 鲁信用办〔2021〕5号 （五）).
TRAINERS = (Role.INSTITUTION, Role.PROVIDER, Role.REVIEWER)
MOST_DATES = 100
MOST_TESTS = 2000  # looked at, to tell how a question is answered


class NotYours(Exception):
    """This person does not act for the organiser of a training date."""


@dataclass(frozen=True)
class NewDate:
    """A training date to be announced."""

    title: str
    held_on: date
    hours: str
    place: str
    seats: int


def current_courses() -> Mapping[str, Course]:
    """Return the courses that the application was started with, by key."""
    courses: Mapping[str, Course] = current_app.extensions["redress_courses"]
    return courses


def list_dates() -> Sequence[TrainingDate]:
    """Return the training dates to come, the next first."""
    return db.session.scalars(
        select(TrainingDate)
        .where(TrainingDate.held_on >= today(), TrainingDate.called_off_at.is_(None))
        .order_by(TrainingDate.held_on, TrainingDate.id)
        .limit(MOST_DATES)
        .options(joinedload(TrainingDate.organiser), selectinload(TrainingDate.bookings))
    ).all()


def list_own_dates(user: User) -> Sequence[TrainingDate]:
    """Return the dates that a person's organisations announced, with who booked, newest first."""
    own = organisations_as(user, *TRAINERS)
    booked = selectinload(TrainingDate.bookings).joinedload(TrainingBooking.requirement)
    return db.session.scalars(
        select(TrainingDate)
        .where(TrainingDate.organiser_id.in_(own))
        .order_by(TrainingDate.held_on.desc(), TrainingDate.id.desc())
        .limit(MOST_DATES)
        .options(
            joinedload(TrainingDate.organiser),
            booked.joinedload(Requirement.case).joinedload(Case.subject),
        )
    ).all()


def announce_date(user: User, organiser_id: int, new: NewDate, token: str = "") -> None:
    """Announce a training date, free of charge; sent again under its token, only once.

    Raises NotYours, TokenBorrowed.
    """
    if organiser_id not in organisations_as(user, *TRAINERS):
        raise NotYours
    said = repr((organiser_id, new)).encode()
    purpose = f"training date {hashlib.sha256(said).hexdigest()}"
    sent = cases.Submission(answers=Answers(), token=token, purpose=purpose)
    with transaction() as session:
        if cases.find_earlier(session, user, sent) is not None:
            return
        cases.remember(session, user, sent, str(organiser_id))
        session.add(
            TrainingDate(
                organiser_id=organiser_id,
                title=new.title,
                held_on=new.held_on,
                hours=new.hours,
                place=new.place,
                seats=new.seats,
                announced_at=now(),
            )
        )


def call_off_date(user: User, training_id: int) -> None:
    """Call a training date off; who booked chooses another. Raises NotYours."""
    own = organisations_as(user, *TRAINERS)
    with transaction() as session:
        found = session.get(TrainingDate, training_id, with_for_update=True)
        if found is None or found.organiser_id not in own:
            raise NotYours
        found.called_off_at = found.called_off_at or now()


def next_lesson(requirement: Requirement) -> str | None:
    """Return the key of the first lesson that was not read yet, if a course was begun."""
    enrolment = find_enrolment(requirement)
    if enrolment is None:
        return None
    return next((key for key in enrolment.lessons if key not in enrolment.lessons_read), None)


def find_enrolment(requirement: Requirement) -> Enrolment | None:
    """Return the online course that a requirement is met by, with its tests."""
    return db.session.scalar(
        select(Enrolment)
        .where(Enrolment.requirement_id == requirement.id)
        .order_by(Enrolment.begun_at.desc(), Enrolment.id.desc())
        .limit(1)
        .options(selectinload(Enrolment.attempts))
    )


def list_own_trainings(user: User) -> Sequence[Requirement]:
    """Return the trainings that are open for a person's enterprises."""
    own = organisations_as(user, Role.SUBJECT, Role.AGENT)
    return db.session.scalars(
        select(Requirement)
        .join(Requirement.case)
        .where(
            Requirement.workflow == "training",
            Requirement.state.in_(("owed", "enrolled", "studying")),
            Case.subject_id.in_(own),
            visible_to(user),  # an agent's mandate may not reach repairs
        )
        .order_by(Requirement.id.desc())
        .limit(MOST_DATES)
        .options(joinedload(Requirement.case).joinedload(Case.subject))
    ).all()


@dataclass
class Answered:
    """How a question of the bank was answered in the tests looked at."""

    asked: int = 0
    right: int = 0


def count_answers(course: Course) -> tuple[int, dict[str, Answered]]:
    """Return how many of the newest tests of a course were looked at, and each question's answers.

    Only tests that were drawn from this edition and handed in, MOST_TESTS at most.
    """
    tests = db.session.execute(
        select(TestAttempt.questions, TestAttempt.answers)
        .join(TestAttempt.enrolment)
        .where(Enrolment.course == course.key, TestAttempt.edition == course.edition)
        .where(TestAttempt.handed_in_at.is_not(None))
        .order_by(TestAttempt.id.desc())
        .limit(MOST_TESTS)
    ).all()
    found = {key: Answered() for key in course.bank}
    for questions, answers in tests:
        for key in questions:
            found[key].asked += 1
            found[key].right += set((answers or {}).get(key, ())) == course.bank[key].answer
    return len(tests), found
