"""What must be true before a remedy is confirmed."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models import Role


def actor_is_not_of_the_department(step: Step) -> Reason | None:
    """Who checks that harm was undone does not act for the department that did it."""
    seated = step.store.has_seat(
        step.actor.person_id, [step.case.department_id], step.today, [Role.DEPARTMENT]
    )
    if not seated:
        return None
    return Reason(N_("You also act for the department: a colleague has to check this."))
