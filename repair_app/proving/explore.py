"""Looks at every state that can be reached, breadth first, and keeps how it was reached."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

from repair_app.engine.policy import Policy
from repair_app.engine.step import Actor, Answers, NotOffered
from repair_app.models import Sanction
from repair_app.proving import attempts
from repair_app.proving.attempts import PASS_TIME, Attempt
from repair_app.proving.promises import STATE_PROPERTIES, STEP_PROPERTIES, Move
from repair_app.proving.scenarios import Scenario
from repair_app.proving.steps import Broken, Engine, Fired
from repair_app.proving.world import KEPT, MODELS, OutOfBounds, Pool, State, World, decode, encode

Touched = frozenset[tuple[str, str]]


class Edge(NamedTuple):
    """One step that was taken."""

    attempt: Attempt
    target: int
    touched: Touched  # what it fired, or asked whether it may
    trace: tuple[Fired, ...]


class Violation(NamedTuple):
    """A promise that was broken, and where."""

    promise: str
    says: str
    state: int  # in which the step was taken, or which is bad itself
    attempt: Attempt | None = None


@dataclass
class Graph:
    """What was found: states, steps, the step by which each state was first reached."""

    scenario: Scenario
    policy: Policy
    pool: Pool = field(default_factory=Pool)
    states: list[State] = field(default_factory=list)
    numbers: dict[State, int] = field(default_factory=dict)
    edges: list[list[Edge]] = field(default_factory=list)
    parents: list[tuple[int, Attempt] | None] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    engine: Engine = field(init=False)
    cast: Any = None
    bounds: Any = None
    cut: int = 0  # openings that were not followed: one case too many
    open_matters: dict[int, bool] = field(default_factory=dict)  # by the number of a row

    def __post_init__(self) -> None:
        self.engine = Engine(self.policy)

    def world(self, number: int) -> World:
        """Return a state as a world, made anew."""
        return self.world_of(self.states[number])

    def world_of(self, state: State) -> World:
        """Return a state as a world, made anew."""
        return decode(state, self.pool, self.cast, self.policy, self.bounds)

    def place_of(self, number: int) -> tuple[str, str] | None:
        """Return workflow and state of a row, by its number; None for what has no state."""
        place, *values = self.pool.contents[number]
        model = MODELS[place] if place >= 0 else None
        if model not in attempts.ENTITIES:
            return None
        row = dict(zip(KEPT[model], values, strict=True))
        return row.get("workflow") or model.workflow, row["state"]

    def story(self, number: int) -> list[Attempt]:
        """Return the shortest way to a state."""
        steps: list[Attempt] = []
        parent = self.parents[number]
        while parent is not None:
            steps.append(parent[1])
            parent = self.parents[parent[0]]
        return steps[::-1]

    @property
    def edge_count(self) -> int:
        """Return how many steps were taken."""
        return sum(map(len, self.edges))


REMEMBERED_BY_PROPERTIES = {
    "ask_supplement", "announce_rejection", "state_views", "close_hearing",
    "state_views_on_correction", "close_hearing_on_correction", "ask_extension",
}  # fmt: skip


def explore(scenario: Scenario, policy: Policy, *, most: int = 10**7, stop: bool = False) -> Graph:
    """Return everything that can happen in a scenario. Goes anew when the log is asked for more.

    most: states at which to give up; stop: at the first violation.
    """
    policy = scenario.policy_of(policy)
    remembered = set(REMEMBERED_BY_PROPERTIES)
    while True:
        graph = Graph(scenario, policy)
        graph.engine.remembered = remembered
        asked = fill(graph, most, stop=stop)
        if asked <= remembered:
            return graph
        remembered = remembered | asked


def fill(graph: Graph, most: int, *, stop: bool) -> set[str]:
    """Explore; return the names that the log was asked for."""
    world = graph.scenario.start(graph.policy)
    graph.cast, graph.bounds = world.cast, world.bounds
    asked: set[str] = set()
    add_state(graph, encode(world, graph.pool, forgets=graph.scenario.forgets), None)
    number = 0
    while number < len(graph.states) and number < most:
        before = graph.world(number)
        check_state(graph, before, number)
        found = graph.edges[number]
        for attempt, after, edge in outcomes(graph, before, number, asked):
            target = add_state(
                graph, encode(after, graph.pool, forgets=graph.scenario.forgets), (number, attempt)
            )
            found.append(edge._replace(target=target))
        if stop and graph.violations:
            break
        if asked - graph.engine.remembered:
            break
        number += 1
    return asked


def add_state(graph: Graph, state: State, parent: tuple[int, Attempt] | None) -> int:
    """Return the number of a state, a new one for a new state."""
    number = graph.numbers.get(state)
    if number is None:
        number = graph.numbers[state] = len(graph.states)
        graph.states.append(state)
        graph.edges.append([])
        graph.parents.append(parent)
    return number


def check_state(graph: Graph, world: World, number: int) -> None:
    """Note the promises that a state breaks."""
    graph.violations.extend(
        Violation(name, says, number)
        for name, check in STATE_PROPERTIES.items()
        if (says := check(world))
    )


def outcomes(
    graph: Graph, before: World, number: int, asked: set[str]
) -> Iterator[tuple[Attempt, World, Edge]]:
    """Yield every step that can be taken in a state, the world after it, and the edge."""
    for attempt in attempts.list_attempts(before, graph.scenario):
        yield from try_both(graph, before, number, attempt, asked)
    asked |= before.asked_log
    if graph.scenario.time:
        after = graph.world(number)
        if after.pass_time():
            yield PASS_TIME, after, Edge(PASS_TIME, 0, frozenset(), ())


def try_both(
    graph: Graph, before: World, number: int, attempt: Attempt, asked: set[str]
) -> Iterator[tuple[Attempt, World, Edge]]:
    """Yield a step if it can be taken: while its term runs, and when it is over.

    And while every platform agrees, and when one is waited for.
    """
    before.asked_term = before.asked_platforms = False
    for over, waits in WAYS:
        if (over and not before.asked_term) or (waits and not before.asked_platforms):
            continue
        one = attempt._replace(over=over, waits=waits)
        done = take(graph, before, number, one, asked)
        if done:
            yield one, *done


WAYS = tuple(product((False, True), repeat=2))  # over or not, waited for or not


def take(
    graph: Graph, before: World, number: int, attempt: Attempt, asked: set[str]
) -> tuple[World, Edge] | None:
    """Return the world after a step and its edge, or None when it cannot be taken."""
    engine = graph.engine
    if not attempt.opens:
        # Guards only read: they are asked in the world that all attempts share.
        before.over, before.waits = attempt.over, attempt.waits
        entity = attempts.place(before, attempt)
        if engine.reasons(prepare(engine, before, entity, attempt)):
            return None
    after = graph.world(number)
    after.over, after.waits = attempt.over, attempt.waits
    try:
        entity = attempts.place(after, attempt)
    except OutOfBounds:
        graph.cut += 1
        return None
    if attempt.opens and engine.reasons(prepare(engine, after, entity, attempt)):
        return None
    try:
        edge = finish(graph, before, after, entity, number, attempt)
    except OutOfBounds:
        graph.cut += 1
        return None
    asked |= after.asked_log
    before.asked_term |= after.asked_term
    before.asked_platforms |= after.asked_platforms
    return (after, edge) if edge else None


def prepare(engine: Engine, world: World, entity: Any, attempt: Attempt) -> Any:
    """Return the step of an attempt, not yet run."""
    transition = engine.policy.workflow_of(entity).transitions[attempt.transition]
    actor = attempts.acting(world, attempt, entity)
    given = attempts.choices(transition, world, None if attempt.opens else entity)
    imposes = attempt.opens and attempt.model is Sanction  # then the choice is the measure
    answers = Answers() if imposes else given[attempt.choice]
    return engine.prepare(world, entity, attempt.transition, actor, answers)


def finish(
    graph: Graph, before: World, after: World, entity: Any, number: int, attempt: Attempt
) -> Edge | None:
    """Run a step that no guard refused, and check what it did."""
    step = prepare(graph.engine, after, entity, attempt)
    attempts.keep_evidence(after, entity, step.answers)
    source = entity.state
    trace: list[Fired] = []
    touched: set[tuple[str, str]] = set()
    try:
        graph.engine.run(after, step, trace, touched)
    except Broken as error:
        graph.violations.append(Violation("WHOLE", str(error), number, attempt))
        return None
    move = Move(before, after, entity, source, step.transition, step.actor, step.answers,
                attempt, trace)  # fmt: skip
    for name, check in STEP_PROPERTIES.items():
        if says := check(move):
            graph.violations.append(Violation(name, says, number, attempt))
    return Edge(attempt, 0, frozenset(touched), tuple(trace))


__all__ = ["Actor", "Edge", "Graph", "NotOffered", "Violation", "explore"]
