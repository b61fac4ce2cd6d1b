"""A course: begun, read, tested; a seat at a training date; the certificate."""

from repair_app.calendar import add_period
from repair_app.engine.step import Reason, Refused, Step
from repair_app.labels import N_
from repair_app.models import Enrolment, TestAttempt, TrainingBooking

_CERTIFICATE = "PZ"  # 培训证: prefix of the certificates that the system numbers


def begin_course(step: Step) -> None:
    """Begin an online course; one that was begun before goes on where it was left."""
    facts = step.answers.facts
    known = step.store.enrolment_of(step.requirement)
    if known is not None and known.course == facts["course"]:
        return
    step.store.make(
        Enrolment,
        requirement_id=step.requirement.id,
        course=facts["course"],
        edition=facts["edition"],
        lessons=list(facts["lessons"]),
        pass_mark=facts["pass_mark"],
        tries_a_day=facts["tries_a_day"],
        valid_months=facts["valid_months"],
        lessons_read=[],
        begun_at=step.at,
    )


def mark_lesson_read(step: Step) -> None:
    """Keep that a lesson was read."""
    enrolment = _enrolment(step)
    lesson = step.answers.facts["lesson"]
    if lesson in enrolment.lessons and lesson not in enrolment.lessons_read:
        enrolment.lessons_read = [*enrolment.lessons_read, lesson]


def draw_test(step: Step) -> None:
    """Keep the questions that were drawn, and the seed that draws them again."""
    facts = step.answers.facts
    enrolment = _enrolment(step)
    enrolment.attempts.append(
        step.store.make(
            TestAttempt,
            person_id=step.actor.person_id,
            edition=facts["edition"],
            seed=facts["seed"],
            questions=list(facts["questions"]),
            begun_on=step.today,
            begun_at=step.at,
        )
    )


def mark_test(step: Step) -> None:
    """Keep answers and marks of the open test, and whether they are enough."""
    enrolment = _enrolment(step)
    attempt = enrolment.open_attempt
    if attempt is None:
        raise LookupError(f"{step.requirement.ref} has no open test")
    attempt.answers = dict(step.answers.facts["answers"])
    attempt.marks = step.answers.facts["marks"]
    attempt.passed = attempt.marks >= enrolment.pass_mark
    attempt.handed_in_at = step.at


def issue_certificate(step: Step) -> None:
    """Number the certificate and keep its term: it is on this enterprise and this application."""
    enrolment = _enrolment(step)
    requirement = step.requirement
    requirement.institution_id = step.store.default_centre()
    requirement.number = step.store.new_ref(_CERTIFICATE, step.today)
    requirement.issued_on = step.today
    requirement.valid_until = add_period(step.today, enrolment.valid_months)


def book_seat(step: Step) -> None:
    """Take a seat at the training date that was chosen, if one was."""
    training_id = step.answers.facts.get("training_id")
    if training_id is None:
        return
    training = step.store.lock_training_date(training_id)
    if step.store.count_bookings(training_id) >= training.seats:  # somebody was quicker
        raise Refused(
            Reason(N_("This training has no seat left or takes place no more; choose another."))
        )
    step.store.make(TrainingBooking, requirement_id=step.requirement.id, training_id=training_id)


def give_seat_back(step: Step) -> None:
    """Free the seat for somebody else."""
    if booking := step.store.booking_of(step.requirement):
        step.store.drop(booking)


def confirm_attendance(step: Step) -> None:
    """Keep that the organiser confirmed the attendance, and number the certificate."""
    booking = step.store.booking_of(step.requirement)
    if booking is None:
        raise LookupError(f"{step.requirement.ref} holds no seat")
    booking.attended_at = step.at
    requirement = step.requirement
    requirement.number = step.store.new_ref(_CERTIFICATE, step.today)
    requirement.issued_on = step.today
    requirement.valid_until = add_period(step.today, _MONTHS_IN_PERSON)


# Not a text of the documents; the online course says the same of its certificate.
_MONTHS_IN_PERSON = 12


def _enrolment(step: Step) -> Enrolment:
    enrolment = step.store.enrolment_of(step.requirement)
    if enrolment is None:
        raise LookupError(f"{step.requirement.ref} has no course")
    return enrolment
