"""Handing over: only where nobody else of the centre can act, and to the centre next in line."""

from repair_app.engine.centres import acting_centres, is_free, next_in_line
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models import Role


def nobody_else_can_act(step: Step) -> Reason | None:
    """No other person of the centres that act in the matter is free to take its next step."""
    others = (
        one
        for centre_id in acting_centres(step)
        for one in step.store.people_of(centre_id, Role.REVIEWER, step.today)
        if one != step.actor.person_id and is_free(step, one, centre_id)
    )
    if next(others, None) is None:
        return None
    return Reason(
        N_("A colleague can act on this; it is handed over where nobody else of the centre can.")
    )


def centre_is_next_in_line(step: Step) -> Reason | None:
    """The credit centre that it goes to is the next in line; it is not chosen."""
    chosen = step.answers.facts.get("centre_id")
    if chosen is None or chosen == next_in_line(step):
        return None
    return Reason(
        N_("It goes to the centre next in line: the one above, where somebody can act on it.")
    )
