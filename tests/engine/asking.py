"""Asks one guard about one step, without taking the step."""

from repair_app.db import db, now
from repair_app.engine import guards, machine
from repair_app.engine.policy import bound
from repair_app.engine.step import SYSTEM, Answers, Entity, Reason
from repair_app.engine.store import Store
from repair_app.models import Role, User
from repair_app.services import cases
from repair_app.services.policy import current_policy


def hides(reason: Reason | None) -> bool:
    """Say whether a no leaves the step out of the page: it is none of this matter's at all."""
    return reason is not None and not reason.applies


def bars(reason: Reason | None) -> bool:
    """Say whether a no stands beside the step, so that people read what is in the way."""
    return reason is not None and reason.applies


def ask(
    guard: str,
    transition: str,
    entity: Entity,
    user: User | None = None,
    role: Role | None = None,
    **facts: object,
) -> Reason | None:
    """Return what a guard says about a step that somebody is about to take."""
    policy = current_policy()
    actor = SYSTEM
    if user is not None:
        actor = next(
            one for one in cases.actors_of(user, entity) if role is None or one.role == role
        )
    step = machine.prepare(
        Store(db.session()),
        policy,
        entity,
        policy.workflow_of(entity).transitions[transition],
        actor,
        Answers(facts=facts),
        at=now(),
    )
    return bound(guards)[guard](step)
