"""Credit training: who reads which course and what was read, tests, dates of training in person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.cases import Requirement
from repair_app.models.parties import Organisation


class Enrolment(Base):
    """A firm's reading of an online course, for one requirement: progress and tests."""

    __tablename__ = "course_enrolment"
    __table_args__ = (UniqueConstraint("requirement_id", "course"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    requirement_id: Mapped[int] = mapped_column(ForeignKey("requirement.id"), index=True)
    course: Mapped[str]  # key of the course
    edition: Mapped[int]  # of the course when it was begun, as all that follows
    lessons: Mapped[list[str]]
    pass_mark: Mapped[int]
    tries_a_day: Mapped[int]
    valid_months: Mapped[int]
    lessons_read: Mapped[list[str]] = mapped_column(default=list)
    begun_at: Mapped[datetime]

    requirement: Mapped[Requirement] = relationship()
    attempts: Mapped[list[TestAttempt]] = relationship(
        back_populates="enrolment", order_by="TestAttempt.id"
    )

    @property
    def open_attempt(self) -> TestAttempt | None:
        """Return the test that was begun and not handed in."""
        return next((one for one in self.attempts if one.handed_in_at is None), None)

    @property
    def passed(self) -> TestAttempt | None:
        """Return the test that was passed, if one was."""
        return next((one for one in self.attempts if one.passed), None)


class TestAttempt(Base):
    """One test: what was drawn from the bank, what was answered, how it was marked."""

    __test__ = False  # no test of the test suite
    __tablename__ = "test_attempt"
    __table_args__ = (
        CheckConstraint("marks BETWEEN 0 AND 100", name="marks_of_a_hundred"),
        CheckConstraint(
            "(handed_in_at IS NULL) = (marks IS NULL)", name="marked_when_it_is_handed_in"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("course_enrolment.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # who sat it
    edition: Mapped[int]  # of the course whose bank it was drawn from
    seed: Mapped[int]  # draws the same questions again
    questions: Mapped[list[str]]
    answers: Mapped[dict[str, Any] | None]  # question -> letters
    marks: Mapped[int | None]  # of a hundred
    passed: Mapped[bool] = mapped_column(default=False)
    begun_on: Mapped[date]
    begun_at: Mapped[datetime]
    handed_in_at: Mapped[datetime | None]

    enrolment: Mapped[Enrolment] = relationship(back_populates="attempts")


class TrainingDate(Base):
    """A training in person or by live broadcast: when, where, given by whom, free of charge."""

    __tablename__ = "training_date"
    __table_args__ = (CheckConstraint("seats > 0", name="seats_for_somebody"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    organiser_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    title: Mapped[str]
    held_on: Mapped[date] = mapped_column(index=True)
    hours: Mapped[str]  # of the day, as announced: 9:00-11:30
    place: Mapped[str]
    seats: Mapped[int]
    announced_at: Mapped[datetime]
    called_off_at: Mapped[datetime | None]

    organiser: Mapped[Organisation] = relationship(innerjoin=True)
    bookings: Mapped[list[TrainingBooking]] = relationship(back_populates="training")


class TrainingBooking(Base):
    """A firm's seat at a training date, for one requirement."""

    __tablename__ = "training_booking"
    __table_args__ = (UniqueConstraint("requirement_id", "training_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    requirement_id: Mapped[int] = mapped_column(ForeignKey("requirement.id"), index=True)
    training_id: Mapped[int] = mapped_column(ForeignKey("training_date.id"), index=True)
    attended_at: Mapped[datetime | None]  # confirmed by the organiser

    requirement: Mapped[Requirement] = relationship()
    training: Mapped[TrainingDate] = relationship(back_populates="bookings")
