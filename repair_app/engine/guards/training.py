"""What must be true of a training, and of those who give one or report on a firm."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models.parties import OrganisationKind

# Lead and sector departments give trainings themselves (…五（十八）; 鲁信用办〔2021〕5号 （五）).
_PUBLIC_TRAINERS = frozenset({OrganisationKind.AGENCY, OrganisationKind.CREDIT_CENTRE})


def institution_is_registered(step: Step) -> Reason | None:
    """Who gives the training or the report is registered for it today (…四（十五）；符合条件的)."""
    institution_id = step.answers.facts.get("institution_id") or step.requirement.institution_id
    if institution_id is None:
        return None
    institution = step.store.get_organisation(institution_id)
    service = step.requirement.workflow
    if service == "training" and institution.kind in _PUBLIC_TRAINERS:
        return None
    if step.store.is_registered(institution_id, service, step.today):
        return None
    return Reason(
        N_("%(name)s is not registered for this service today; choose another institution."),
        {"name": institution.name},
    )


def seat_is_free(step: Step) -> Reason | None:
    """The training date is still to come, not called off, and has a seat left."""
    training_id = step.answers.facts.get("training_id")
    if training_id is None:
        return None
    training = step.store.training_date(training_id)
    is_on = training.called_off_at is None and training.held_on >= step.today
    if is_on and step.store.count_bookings(training_id) < training.seats:
        return None
    return Reason(N_("This training has no seat left or takes place no more; choose another."))


def training_was_held(step: Step) -> Reason | None:
    """The day of the training has come: nobody attended what is still to come."""
    booking = step.store.booking_of(step.requirement)
    if booking is None:
        return Reason(N_("No training date was booked; enter the certificate instead."))
    if booking.training.held_on <= step.today:
        return None
    return Reason(N_("The training takes place on %(day)s."), {"day": booking.training.held_on})


def lessons_were_read(step: Step) -> Reason | None:
    """Every lesson of the course was read."""
    enrolment = step.store.enrolment_of(step.requirement)
    if enrolment is not None and set(enrolment.lessons) <= set(enrolment.lessons_read):
        return None
    return Reason(N_("Read all the lessons of the course first."))


def test_is_not_open(step: Step) -> Reason | None:
    """No test was begun that is still to be handed in."""
    enrolment = step.store.enrolment_of(step.requirement)
    if enrolment is None or enrolment.open_attempt is None:
        return None
    return Reason(N_("A test was begun already: hand it in first."))


def test_is_open(step: Step) -> Reason | None:
    """A test was begun and not handed in."""
    enrolment = step.store.enrolment_of(step.requirement)
    if enrolment is not None and enrolment.open_attempt is not None:
        return None
    return Reason(N_("No test is open: begin one first."))


def tries_are_left(step: Step) -> Reason | None:
    """Fewer tests were begun today than the course allows in a day."""
    enrolment = step.store.enrolment_of(step.requirement)
    if enrolment is None:
        return None
    today = sum(one.begun_on == step.today for one in enrolment.attempts)
    if today < enrolment.tries_a_day:
        return None
    return Reason(N_("%(count)s tests were sat today; go on tomorrow."), {"count": today})


def test_was_passed(step: Step) -> Reason | None:
    """A test of the course was passed."""
    enrolment = step.store.enrolment_of(step.requirement)
    if enrolment is not None and enrolment.passed is not None:
        return None
    return Reason(N_("The test has not been passed yet."))
