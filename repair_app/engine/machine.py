"""Fires transitions: the only importer of pytransitions and the only writer of `.state`.

One shared Machine per workflow version runs on a throw-away Step; the row gets the new state
once, after everything else succeeded. The caller holds the locks and owns the transaction.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from transitions import EventData, Machine, MachineError

from repair_app import calendar, ledger
from repair_app.engine import assigning, deadlines, letters, telling
from repair_app.engine.rows import SAID, digest_of
from repair_app.engine.spec import Transition, Workflow
from repair_app.engine.step import (
    SYSTEM,
    Actor,
    Answers,
    Entity,
    NotAllowed,
    NotOffered,
    Reason,
    Refused,
    Step,
    WrongState,
    record_of,
)
from repair_app.engine.store import Store
from repair_app.models import Case, CreditRecord, Event, Requirement

Guard = Callable[[Step], Reason | None]
Effect = Callable[[Step], None]
Policy = Any  # repair_app.engine.policy.Policy, which imports this module
Telling = tuple[Callable[[Step, Event], None], ...]

TOLD: Telling = (letters.issue, telling.tell)  # what follows every step that the law took


@dataclass(frozen=True)
class StateMachine:
    """A built machine and the guards of its transitions, by name."""

    machine: Machine
    guards: Mapping[str, tuple[Guard, ...]]


@dataclass(frozen=True)
class Offer:
    """A transition that a person may fire here, or why not yet."""

    transition: Transition
    actor: Actor
    reasons: tuple[Reason, ...]

    @property
    def is_open(self) -> bool:
        """Say whether nothing stands in the way."""
        return not self.reasons


def build_machine(
    workflow: Workflow, guards: Mapping[str, Guard], effects: Mapping[str, Effect]
) -> StateMachine:
    """Return the shared machine of one workflow version.

    Guards stay outside: `fire` runs each once, before the step's event is written.
    """
    return StateMachine(
        machine=Machine(
            model=None,
            states=list(workflow.states),
            initial=None,
            auto_transitions=False,
            send_event=True,
            transitions=[
                {
                    "trigger": one.name,
                    "source": list(one.source),
                    "dest": one.target,  # "=" means the same to the library
                    "after": [_as_callback(effects[name]) for name in one.effects],
                }
                for one in workflow.transitions.values()
            ],
        ),
        guards={
            one.name: tuple(guards[name] for name in one.guards)
            for one in workflow.transitions.values()
        },
    )


def _as_callback(effect: Effect) -> Callable[[EventData], None]:
    def callback(event: EventData) -> None:
        step: Any = event.model
        effect(step)

    return callback


def begin(policy: Policy, entity: Entity, workflow: str) -> None:
    """Pin a new entity to the workflow version in force and put it in the initial state."""
    current = policy.current[workflow]
    if isinstance(entity, Case | Requirement):
        entity.workflow = workflow
    entity.workflow_version = current.version
    entity.workflow_hash = current.sha256
    entity.version = 0
    entity.state = current.initial


def pin(entity: Entity, workflow: Workflow, state: str) -> None:
    """Pin a running entity to another version of its workflow, in the state that it has there."""
    entity.workflow_version = workflow.version
    entity.workflow_hash = workflow.sha256
    entity.state = state
    entity.version += 1  # a form drawn from the other version is stale


def offers(
    store: Store, policy: Policy, entity: Entity, actors: Collection[Actor], *, at: datetime
) -> Iterator[Offer]:
    """Yield what these standings may fire on the entity now, with what still stands in the way.

    A step that is not for this matter at all (its rule pack knows it not) is left out.
    """
    workflow = policy.workflow_of(entity)
    known: dict[tuple[Guard, Actor], Reason | None] = {}
    for transition in workflow.leaving(entity.state):
        actor = choose_actor(transition, actors)
        if actor:
            step = prepare(store, policy, entity, transition, actor, Answers(), at=at)
            reasons = tuple(reasons_against(step, known))
            if all(one.applies for one in reasons):
                yield Offer(transition, actor, reasons)


def choose_actor(transition: Transition, actors: Collection[Actor]) -> Actor | None:
    """Return the standing that the transition's `by` names first, if the person has one."""
    return next((one for role in transition.by for one in actors if one.role == role), None)


def reasons_against(
    step: Step, known: dict[tuple[Guard, Actor], Reason | None] | None = None
) -> Iterator[Reason]:
    """Yield the reason of each guard that says no.

    known: what guards have said about this entity in this moment; none depends on the transition.
    """
    known = {} if known is None else known
    machine = step.policy.machine_of(step.workflow)
    for guard in machine.guards[step.transition.name]:
        if (guard, step.actor) not in known:
            known[guard, step.actor] = guard(step)
        if reason := known[guard, step.actor]:
            yield reason


def prepare(
    store: Store,
    policy: Policy,
    entity: Entity,
    transition: Transition,
    actor: Actor,
    answers: Answers,
    *,
    at: datetime,
    stream: str | None = None,
    told: Telling = TOLD,
) -> Step:
    """Return the step of this transition, not yet run.

    stream: the chain of the step in whose course this one is fired; None for one of its own.
    told: what people are told of it, and of what is fired in its course.
    """
    follows = stream is not None
    stream = stream or stream_of(entity)

    def fire_as_system(other: Entity, name: str, given: Answers) -> None:
        fire(store.session, policy, other, name, SYSTEM, given, at=at, stream=stream, told=told)

    return Step(
        store=store,
        policy=policy,
        entity=entity,
        workflow=policy.workflow_of(entity),
        transition=transition,
        actor=actor,
        answers=answers,
        at=at,
        today=calendar.local_date(at),
        stream=stream,
        state=entity.state,
        fire_as_system=fire_as_system,
        follows=follows,
    )


def stream_of(entity: Entity) -> str:
    """Return the chain that an entity's own events go to: its case, or else its record."""
    match entity:
        case Case():
            return entity.ref
        case Requirement():
            return entity.case.ref
        case _:
            return record_of(entity).ref


def fire(
    session: Session,
    policy: Policy,
    entity: Entity,
    name: str,
    actor: Actor,
    answers: Answers,
    *,
    at: datetime,
    stream: str | None = None,
    told: Telling = TOLD,
) -> None:
    """Run one transition: guards, event, effects, the new state and its deadline, then word of it.

    told: the letters and messages of a step; the proof, which asks what the law makes of a step,
    leaves them out.
    Raises what `ask` raises. Whatever an effect raises leaves the entity as it was; the caller
    rolls back.
    """
    step = ask(session, policy, entity, name, actor, answers, at=at, stream=stream, told=told)
    event = append_event(step)
    try:
        policy.machine_of(step.workflow).machine.events[name].trigger(step)
    except MachineError as error:  # unreachable while `ask` checks the source; never silent
        raise WrongState(name) from error
    settle(step)
    for tell in told:
        tell(step, event)


def ask(
    session: Session,
    policy: Policy,
    entity: Entity,
    name: str,
    actor: Actor,
    answers: Answers,
    *,
    at: datetime,
    stream: str | None = None,
    told: Telling = TOLD,
) -> Step:
    """Return the step of a transition that nothing stands against; nothing is changed.

    Raises NotOffered, NotAllowed or WrongState when there is no such step for this actor here,
    Refused when a guard says no.
    """
    workflow = policy.workflow_of(entity)
    transition = workflow.transitions.get(name)
    if transition is None:
        raise NotOffered(name)
    if actor.role not in transition.by:
        raise NotAllowed(name)
    if entity.state not in transition.source:
        raise WrongState(name)
    store = Store(session)
    step = prepare(
        store, policy, entity, transition, actor, answers, at=at, stream=stream, told=told
    )
    if against := tuple(reasons_against(step)):
        raise Refused(*against)
    return step


def content_of(step: Step) -> dict[str, str]:
    """Return the fact that the first event of a record adds: the digest of what the record says."""
    if not isinstance(step.entity, CreditRecord) or step.entity.version:
        return {}
    return {"content": digest_of({name: getattr(step.entity, name) for name in SAID})}


def append_event(step: Step) -> Event:
    """Write the step into the ledger, before its effects, so that theirs follow it."""
    return ledger.append(
        step.store.session,
        step.stream,
        ledger.describe(
            entity=step.entity.ref,
            workflow=step.workflow.name,
            workflow_version=step.workflow.version,
            transition=step.transition.name,
            source=step.entity.state,
            target=step.transition.target_from(step.entity.state),
            actor=step.actor.as_dict(),
            at=step.at,
            basis=[f"{one.document} {one.clause}" for one in step.transition.basis],
            rule_pack=step.entity.rule_pack,
            facts={**step.answers.all_facts, **content_of(step)},
            evidence=list(step.answers.evidence),
        ),
        step.answers.all_texts,
        at=step.at,
    )


def settle(step: Step) -> None:
    """Give the entity its new state, once, and open and close what depends on it."""
    entity = step.entity
    left = entity.state
    entity.state = step.state
    entity.version += 1
    state = step.workflow.states[step.state]
    if isinstance(entity, Case) and state.final:
        entity.closed_at = step.at
    if left != step.state:
        term = deadlines.follow(step, step.workflow.states[left], state)
        assigning.hand_on(step, term)
    step.store.save()
