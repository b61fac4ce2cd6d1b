"""One step in memory: the same guards and effects, in the same order, without ledger or tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from repair_app.engine import effects, guards
from repair_app.engine.assessment import Assessment
from repair_app.engine.policy import Policy, bound
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
)
from repair_app.models import Case
from repair_app.proving.world import ESCALATED, MET, MOMENT, MemoryStore, World

GUARDS: Mapping[str, Callable[[Step], Reason | None]] = bound(guards)
EFFECTS: Mapping[str, Callable[[Step], None]] = bound(effects)
NOT = "not "  # before the name of a guard: the guard turned round, in a mutant
READ_BY_RULES = (
    "violation_type",
    "violation_facts",
    "penalty_content",
    "legal_basis",
    "penalty_categories",
    "fine_10k",
    "decided_on",
    "publicised_on",
    "conduct_ended_on",
)
_assessed: dict[tuple[Any, ...], Assessment] = {}


FAILURES = (NotOffered, Refused, LookupError, TypeError, ValueError, AttributeError)


class Fired(NamedTuple):
    """One transition of a step: the first one, or one that an effect fired."""

    workflow: str
    transition: str
    ref: str
    source: str
    target: str


class Broken(Exception):
    """A step that was allowed could not be finished: an effect failed, or was refused something."""


@dataclass
class ModelStep(Step):
    """A step in memory that notes what it fires and what it asks to fire."""

    touched: set[tuple[str, str]] = field(default_factory=set)

    @property
    def assessment(self) -> Assessment:
        """Return class and periods of the record; the same record is assessed once."""
        record = self.record
        key = (self.rules.id, *(_hashable(getattr(record, name)) for name in READ_BY_RULES))
        found = _assessed.get(key)
        if found is None:
            found = _assessed[key] = Step.assessment.fget(self)  # type: ignore[attr-defined]
        return found

    def may_fire(self, entity: Entity, name: str) -> bool:
        """Say whether the system has this transition, and note that it was asked."""
        self.touched.add((entity.workflow, name))
        return super().may_fire(entity, name)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Engine:
    """Fires transitions in a world, by a policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.remembered: set[str] = set()  # names of transitions that somebody asks the log for

    def prepare(
        self, world: World, entity: Any, name: str, actor: Actor, answers: Answers
    ) -> ModelStep:
        """Return the step of a transition, not yet run. Raises what `machine.ask` raises."""
        workflow = self.policy.workflow_of(entity)
        transition = workflow.transitions.get(name)
        if transition is None:
            raise NotOffered(name)
        if actor.role not in transition.by:
            raise NotAllowed(name)
        if entity.state not in transition.source:
            raise WrongState(name)
        return ModelStep(
            store=MemoryStore(world),
            policy=self.policy,
            entity=entity,
            workflow=workflow,
            transition=transition,
            actor=actor,
            answers=answers,
            at=MOMENT,
            today=world.today,
            stream="",
            state=entity.state,
            fire_as_system=_not_yet,
        )

    def reasons(self, step: Step) -> list[str]:
        """Return the guards that say no."""
        return [name for name in step.transition.guards if not holds(step, name)]

    def run(
        self,
        world: World,
        step: ModelStep,
        trace: list[Fired],
        touched: set[tuple[str, str]],
        stream: str = "",
    ) -> None:
        """Run effects and give the entity its new state. Raises Broken."""
        entity, transition = step.entity, step.transition
        step.touched = touched
        step.stream = stream or stream_of(step)
        step.fire_as_system = lambda other, name, given: self.fire_nested(
            world, other, name, given, trace, touched, step.stream
        )
        source, ref = entity.state, entity.ref
        step.state = transition.target_from(source)
        trace.append(Fired(step.workflow.name, transition.name, ref, source, step.state))
        touched.add((step.workflow.name, transition.name))
        for name in transition.effects:
            try:
                EFFECTS[name](step)
            except FAILURES as error:
                raise Broken(
                    f"{transition.name}: {name}: {type(error).__name__} {error}"
                ) from error
        if entity.state != step.state:
            own = f"{ESCALATED}{step.workflow.states[source].clock}"
            world.log.difference_update({(ref, MET), (ref, own)})
        entity.state = step.state
        if isinstance(entity, Case) and step.workflow.states[step.state].final:
            entity.closed_at = step.at
        if transition.name in self.remembered:
            world.log.add((entity.ref, transition.name))

    def fire_nested(  # noqa: PLR0917  # the effect's three, and what it is part of
        self,
        world: World,
        entity: Any,
        name: str,
        answers: Answers,
        trace: list[Fired],
        touched: set[tuple[str, str]],
        stream: str,
    ) -> None:
        """Fire what an effect asks for, as the system."""
        touched.add((entity.workflow, name))
        step = self.prepare(world, entity, name, SYSTEM, answers)
        if against := self.reasons(step):
            raise Refused(*(Reason(one) for one in against))
        self.run(world, step, trace, touched, stream)


def holds(step: Step, name: str) -> bool:
    """Say whether a guard lets a step pass; NOT before its name turns it round."""
    if name.startswith(NOT):
        return GUARDS[name.removeprefix(NOT)](step) is not None
    return GUARDS[name](step) is None


def stream_of(step: Step) -> str:
    """Return the chain that a step's event would go to."""
    match step.workflow.entity:
        case "case" | "requirement":
            return step.case.ref
    return step.record.ref


def _not_yet(_entity: Entity, _name: str, _answers: Answers) -> None:
    raise AssertionError("a step fires nothing before it runs")


FAR = date(2099, 12, 31)
