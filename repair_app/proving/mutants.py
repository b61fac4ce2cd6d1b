"""Wrong policies, each with one thing changed: the promises must find every one of them.

A mutant differs from the policy in one transition, so only the steps that fire that transition, or
ask whether they may, are taken anew; from there on what is new is explored as ever.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from repair_app.engine.policy import Policy
from repair_app.engine.spec import Transition
from repair_app.engine.step import SYSTEM
from repair_app.models import Role
from repair_app.proving import attempts
from repair_app.proving.attempts import ENTITIES, Attempt
from repair_app.proving.explore import (
    WAYS,
    Edge,
    Graph,
    add_state,
    check_state,
    outcomes,
    prepare,
    try_both,
)
from repair_app.proving.liveness import ENDS, find_stuck
from repair_app.proving.promises import STATE_PROPERTIES
from repair_app.proving.steps import NOT, Engine, holds
from repair_app.proving.world import OutOfBounds, World, encode

ADDED_ROLES = (Role.SUBJECT, Role.PROVIDER, Role.REVIEWER, Role.DEPARTMENT, Role.AUDITOR)
ALL_PLACES = 200  # up to so many states that a mutant affects, it is tried in each of them
MOST_PLACES = 100  # and of more in so many, evenly spread
MOST_NEW = 200  # states beyond those of the policy, before a mutant counts as not caught here


class Mutant(NamedTuple):
    """One change of one transition."""

    workflow: str
    transition: str
    kind: str  # guard removed, guard negated, effect removed, role removed, role added
    what: str

    def __str__(self) -> str:
        """Return it as a line of the report."""
        return f"{self.workflow}.{self.transition}: {self.kind}: {self.what}"


def list_mutants(policy: Policy) -> Iterator[Mutant]:
    """Yield every mutant of the policy in force."""
    for workflow in policy.current.values():
        for one in workflow.transitions.values():
            for kind, what in changes_of(one):
                yield Mutant(workflow.name, one.name, kind, what)


def changes_of(one: Transition) -> Iterator[tuple[str, str]]:
    """Yield what can be changed in a transition."""
    for name in one.guards:
        yield "guard removed", name
        yield "guard negated", name
    for name in one.effects:
        yield "effect removed", name
    for role in one.by:
        yield "role removed", role
    if SYSTEM.role not in one.by:
        for added in ADDED_ROLES:
            if added not in one.by:
                yield "role added", str(added)


def apply(policy: Policy, mutant: Mutant) -> Policy:
    """Return the policy with one transition changed."""
    workflow = policy.current[mutant.workflow]
    one = workflow.transitions[mutant.transition]
    match mutant.kind:
        case "guard removed":
            changed = replace(one, guards=without(one.guards, mutant.what))
        case "guard negated":
            turned = tuple(NOT + name if name == mutant.what else name for name in one.guards)
            changed = replace(one, guards=turned)
        case "effect removed":
            changed = replace(one, effects=without(one.effects, mutant.what))
        case "role removed":
            changed = replace(one, by=without(one.by, mutant.what))
        case _:
            changed = replace(one, by=(*one.by, mutant.what))
    bent = replace(workflow, transitions={**workflow.transitions, one.name: changed})
    return replace(
        policy,
        workflows={**policy.workflows, (workflow.name, workflow.version): bent},
        current={**policy.current, workflow.name: bent},
    )


def without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return names without one of them."""
    return tuple(one for one in names if one != name)


@dataclass
class Trial:
    """What became of a mutant in one scenario."""

    caught_by: str = ""
    by_state: bool = False  # a promise of states found it
    taken: bool = False  # the changed transition was fired
    differs: bool = False  # some step can be taken that could not, or leads elsewhere, or is gone
    capped: bool = False
    tried: bool = False  # an added role was tried; a removed guard said no somewhere
    broken: set[str] = field(default_factory=set)  # every promise that it was seen to break
    bounded: bool = False  # it would have made one matter more than the world looks at
    instead: set[str] = field(default_factory=set)  # the guards that said no besides


class Index:
    """Where in a graph a transition is fired, asked for, or could be tried."""

    def __init__(self, graph: Graph) -> None:
        self.touching: dict[tuple[str, str], list[tuple[int, Edge]]] = {}
        self.sources: dict[tuple[str, str], list[int]] = {}
        for number, edges in enumerate(graph.edges):
            for edge in edges:
                for key in edge.touched:
                    self.touching.setdefault(key, []).append((number, edge))
        for number, state in enumerate(graph.states):
            for place in {graph.place_of(one) for one in state}:
                if place is not None:
                    self.sources.setdefault(place, []).append(number)


def try_mutant(graph: Graph, index: Index, mutant: Mutant, stuck: int = 0) -> Trial:
    """Return what becomes of a mutant in the world of a graph.

    stuck: how many states cannot end even by the policy itself.
    """
    bent = branch(graph, apply(graph.policy, mutant))
    trial = Trial()
    base = len(graph.states)
    key = (mutant.workflow, mutant.transition)
    changed: dict[int, list[Edge]] = {}
    affected = list(places(graph, index, mutant))
    stride = 1 if len(affected) <= ALL_PLACES else len(affected) // MOST_PLACES
    for number, nested in affected[::stride]:
        if number not in changed:
            changed[number] = [one for one in graph.edges[number] if key not in one.touched]
        before = bent.world(number)
        for attempt in (*nested, *directly(bent, before, mutant)):
            look_why(trial, bent, before, number, attempt, mutant)
            for one, after, edge in try_both(bent, before, number, attempt, set()):
                trial.taken |= key in edge.touched
                target = add_state(
                    bent,
                    encode(after, bent.pool, forgets=bent.scenario.forgets),
                    (number, one),
                )
                changed[number].append(edge._replace(target=target))
        if bent.violations:
            return caught(trial, bent)
        trial.differs |= ways(graph.edges[number]) != ways(changed[number])
    trial.capped = stride > 1
    return explore_on(bent, base, changed, trial, stuck)


def look_why(
    trial: Trial, bent: Graph, before: World, number: int, attempt: Attempt, mutant: Mutant
) -> None:
    """Note what else says no to a step, once that is enough to say why a mutant changes nothing."""
    own = (attempt.workflow, attempt.transition) == (mutant.workflow, mutant.transition)
    if trial.instead or not own or mutant.kind not in {"guard removed", "role added"}:
        return
    if mutant.kind == "role added" and attempt.role != mutant.what:
        return
    for over, waits in WAYS:
        world = bent.world(number) if attempt.opens else before
        world.over, world.waits = over, waits
        try:
            step = prepare(bent.engine, world, attempts.place(world, attempt), attempt)
        except OutOfBounds:
            trial.bounded = True
            return
        if mutant.kind == "role added" or not holds(step, mutant.what):
            trial.tried = True
            trial.instead.update(bent.engine.reasons(step))


def places(graph: Graph, index: Index, mutant: Mutant) -> Iterator[tuple[int, set[Attempt]]]:
    """Yield the states in which a changed transition matters, and what fires it from elsewhere."""
    workflow = graph.policy.current[mutant.workflow]
    transition = workflow.transitions[mutant.transition]
    own = (workflow.name, transition.name)
    nested: dict[int, set[Attempt]] = {}
    for number, edge in index.touching.get(own, ()):
        tried = nested.setdefault(number, set())
        if (edge.attempt.workflow, edge.attempt.transition) != own:
            tried.add(edge.attempt._replace(over=False, waits=False))
    numbers = set(nested)
    for source in transition.source:
        if source != workflow.initial:
            numbers.update(index.sources.get((workflow.name, source), ()))
        elif is_opened(graph, mutant):
            numbers.update(range(len(graph.edges)))
    for number in sorted(numbers):
        yield number, nested.get(number, set())


def ways(edges: list[Edge]) -> set[tuple[Attempt, int]]:
    """Return what can be done in a state, and where it leads."""
    return {(one.attempt, one.target) for one in edges}


def is_opened(graph: Graph, mutant: Mutant) -> bool:
    """Say whether people open, in this world, what a mutant is about."""
    scenario = graph.scenario
    return mutant.workflow in scenario.openable or (
        mutant.workflow == "sanction" and scenario.imposes
    )


def directly(bent: Graph, world: World, mutant: Mutant) -> list[Attempt]:
    """Return the attempts at a changed transition itself, in a world."""
    found: list[Attempt] = []
    for model in ENTITIES:
        for entity in world.list_rows(model):
            if entity.workflow == mutant.workflow:
                found.extend(
                    attempts.on_entity(world, bent.scenario, entity, only=mutant.transition)
                )
    if not is_opened(bent, mutant):
        return found
    own = (mutant.workflow, mutant.transition)
    opened = [*attempts.to_open(world, bent.scenario, own)]
    if bent.scenario.imposes:
        opened.extend(attempts.to_impose(world, bent.scenario))
    return [*found, *(one for one in opened if (one.workflow, one.transition) == own)]


def branch(graph: Graph, policy: Policy) -> Graph:
    """Return a graph that begins with the states of another and goes by another policy."""
    bent = Graph(graph.scenario, policy, pool=graph.pool)
    bent.engine = Engine(policy)
    bent.engine.remembered = graph.engine.remembered
    bent.cast, bent.bounds = graph.cast, graph.bounds
    bent.states = list(graph.states)
    bent.numbers = dict(graph.numbers)
    bent.parents = list(graph.parents)
    bent.edges = list(graph.edges)
    return bent


def explore_on(
    bent: Graph, base: int, changed: dict[int, list[Edge]], trial: Trial, stuck: int
) -> Trial:
    """Explore what is new, then see whether everything can still end."""
    for number, edges in changed.items():
        bent.edges[number] = edges
    number = base
    while number < len(bent.states):
        if number - base > MOST_NEW:
            trial.capped = True
            break
        before = bent.world(number)
        check_state(bent, before, number)
        for attempt, after, edge in outcomes(bent, before, number, set()):
            target = add_state(
                bent, encode(after, bent.pool, forgets=bent.scenario.forgets), (number, attempt)
            )
            bent.edges[number].append(edge._replace(target=target))
        if bent.violations:
            return caught(trial, bent)
        number += 1
    if trial.capped:
        return trial
    if len(find_stuck(bent)) > stuck:
        trial.caught_by = ENDS
        trial.by_state = True
    return trial


def caught(trial: Trial, bent: Graph) -> Trial:
    """Note by which promise a mutant was caught."""
    first = bent.violations[0]
    trial.caught_by = first.promise
    trial.broken = {one.promise for one in bent.violations}
    trial.by_state = any(one.promise in STATE_PROPERTIES for one in bent.violations)
    return trial
