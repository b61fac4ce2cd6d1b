"""Who of an office has a matter in hand, and whom something keeps from it, whatever the moment."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import select

from repair_app.engine.centres import OF_THE_PERSON
from repair_app.engine.guards.people import actor_is_not_of_the_subject
from repair_app.engine.spec import Transition, Workflow
from repair_app.engine.step import Actor, Reason, Step
from repair_app.models import Deadline, Role, User

OFFICES = (Role.REVIEWER, Role.PROVIDER, Role.DEPARTMENT, Role.INSTITUTION)
_ASKED = OF_THE_PERSON | {actor_is_not_of_the_subject.__name__: actor_is_not_of_the_subject}


@dataclass(frozen=True)
class KeptOut:
    """Why a person has to keep out of some steps of a matter."""

    reason: Reason
    steps: tuple[Transition, ...]


def hand_on(step: Step, term: Deadline | None) -> None:
    """Let a new term of an office stay with who had the last one, where that person may act."""
    if term is None or term.owner not in OFFICES:
        return
    session = step.store.session
    last = session.scalar(
        select(Deadline.assignee_id)
        .where(
            Deadline.entity_ref == term.entity_ref,
            Deadline.owner == term.owner,
            Deadline.organisation_id.is_not_distinct_from(term.organisation_id),
            Deadline.whole.is_(False),
        )
        .order_by(Deadline.id.desc())
        .limit(1)
    )
    account = session.get(User, last) if last else None
    if account is not None and may_act(step, term, account):
        term.assignee_id = account.id


def may_act(step: Step, term: Deadline, account: User) -> bool:
    """Say whether an account still has a seat at the office of a term, and nothing keeps it out.

    A machine has nothing in hand: it acts when it is told to.
    """
    return (
        account.active
        and not account.is_machine
        and any(
            not reasons_to_keep_out(step, actor_of(account, seat.role, seat.organisation_id))
            for seat in account.current_appointments
            if seat.role == term.owner and term.organisation_id in {None, seat.organisation_id}
        )
    )


def actor_of(account: User, role: str, organisation_id: int) -> Actor:
    """Return an account as it acts in a role for an organisation."""
    return Actor(
        role=role,
        account_id=account.id,
        person_id=account.person_id,
        organisation_id=organisation_id,
    )


def reasons_to_keep_out(step: Step, person: Actor) -> list[Reason]:
    """Return what keeps a person from a step that leads out of the state at hand."""
    leaving = step.workflow.leaving(step.entity.state)
    return [one.reason for one in find_kept_out(step, person, leaving)]


def find_kept_out(step: Step, person: Actor, steps: Iterable[Transition]) -> list[KeptOut]:
    """Return what keeps a person out of some of these steps, with the steps that it bars."""
    as_person = replace(step, actor=person)
    barred: dict[str, list[Transition]] = {}
    for one in steps:
        if person.role in one.by:
            for name in one.guards:
                if name in _ASKED:
                    barred.setdefault(name, []).append(one)
    answers = {name: _ASKED[name](as_person) for name in barred}
    return [KeptOut(reason, tuple(barred[name])) for name, reason in answers.items() if reason]


def steps_ahead(workflow: Workflow, state: str) -> list[Transition]:
    """Return the steps that may still come, from a state on, each once."""
    ahead: dict[str, Transition] = {}
    reached, left = {state}, [state]
    while left:
        place = left.pop()
        for one in workflow.leaving(place):
            ahead[one.name] = one
            if (target := one.target_from(place)) not in reached:
                reached.add(target)
                left.append(target)
    return list(ahead.values())
