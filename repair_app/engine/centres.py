"""Who takes a matter over that nobody of its centre can act on: found, and nobody's choice.

A reviewer who has to keep out does not pick the one who decides
(`docs/adr/0011-doors-and-centres.md`).
"""

from collections.abc import Iterator
from dataclasses import replace

from repair_app.engine.guards.commitments import actor_did_not_announce_breach
from repair_app.engine.guards.doors import actor_did_not_enter_it
from repair_app.engine.guards.outcomes import (
    actor_did_not_enter_the_ruling,
    actor_is_of_another_unit,
    actor_took_no_part_before,
)
from repair_app.engine.guards.people import (
    actor_did_not_decide_first,
    actor_did_not_verify,
    actor_is_impartial,
)
from repair_app.engine.guards.remedies import actor_is_not_of_the_department
from repair_app.engine.step import Actor, Step
from repair_app.models import Role

# What a step can ask of the person who takes it, whatever the moment.
OF_THE_PERSON = {
    guard.__name__: guard
    for guard in (
        actor_did_not_announce_breach,
        actor_did_not_decide_first,
        actor_did_not_enter_it,
        actor_did_not_enter_the_ruling,
        actor_did_not_verify,
        actor_is_impartial,
        actor_is_not_of_the_department,
        actor_is_of_another_unit,
        actor_took_no_part_before,
    )
}


def acting_centres(step: Step) -> list[int]:
    """Return the centres whose reviewers act in a matter: its own, and one above that was told."""
    both = (step.case.centre_id, step.case.higher_centre_id)
    return [one for one in both if one is not None]


def next_in_line(step: Step) -> int | None:
    """Return the centre that takes a matter over; None where nobody anywhere could act on it.

    The nearest above that has somebody who is free to take the next step; where none above has,
    the first other centre that does.
    """
    return next((one for one in _line_of(step) if _has_somebody(step, one)), None)


def _line_of(step: Step) -> Iterator[int]:
    """Yield the centres after those that act in the matter: those above, then all others."""
    asked = acting_centres(step)
    above = step.store.get_organisation(asked[-1]).superior_id if asked else None
    while above is not None and above not in asked:
        asked.append(above)
        yield above
        above = step.store.get_organisation(above).superior_id
    yield from (one for one in step.store.list_centres() if one not in asked)


def _has_somebody(step: Step, centre_id: int) -> bool:
    """Say whether a centre has somebody who is free to take the next step."""
    people = step.store.people_of(centre_id, Role.REVIEWER, step.today)
    return any(is_free(step, one, centre_id) for one in people)


def is_free(step: Step, person_id: int, centre_id: int) -> bool:
    """Say whether nothing bars a person, as reviewer of a centre, from the steps of the state."""
    person = Actor(Role.REVIEWER, person_id=person_id, organisation_id=centre_id)
    asked = {
        name
        for one in step.workflow.leaving(step.entity.state)
        if Role.REVIEWER in one.by
        for name in one.guards
        if name in OF_THE_PERSON
    }
    as_person = replace(step, actor=person)
    return all(OF_THE_PERSON[name](as_person) is None for name in sorted(asked))
