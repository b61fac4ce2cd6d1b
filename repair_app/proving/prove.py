"""The whole proof: every scenario explored, every mutant tried, in as many processes as there are.

Said at the end: properties, states, edges, mutants caught and made, seconds.
"""

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from repair_app.engine.policy import Policy
from repair_app.proving.explore import Graph, explore
from repair_app.proving.liveness import ENDS, find_stuck, flaws_of
from repair_app.proving.mutants import Index, Mutant, Trial, apply, list_mutants, try_mutant
from repair_app.proving.promises import STATE_PROPERTIES, STEP_PROPERTIES
from repair_app.proving.reasons import (
    flaws_of_alike,
    flaws_of_unbroken,
    flaws_of_untaken,
    kind_of,
)
from repair_app.proving.replay import one_of_a_class, replay
from repair_app.proving.scenarios import Scenario
from repair_app.proving.undoing import PAIRS, UNDOING, Pair, find_traces
from repair_app.proving.worlds import SCENARIOS

SHOWN = 3  # counter-examples of one scenario


class Story(NamedTuple):
    """A broken promise and the shortest way to it."""

    scenario: str
    promise: str
    says: str
    steps: tuple[str, ...]


@dataclass
class Found:
    """What one scenario showed; small enough to be sent from one process to another."""

    scenario: str
    states: int = 0
    edges: int = 0
    broken: int = 0
    replayed: int = 0
    stories: list[Story] = field(default_factory=list)
    taken: set[tuple[str, str]] = field(default_factory=set)
    entered: set[tuple[str, str]] = field(default_factory=set)
    undone: set[Pair] = field(default_factory=set)
    trials: dict[Mutant, Trial] = field(default_factory=dict)
    seconds: float = 0.0
    exploring: float = 0.0


@dataclass
class Proof:
    """What all scenarios showed together."""

    found: list[Found]
    stories: list[Story]
    mutants: dict[Mutant, str]  # by which promise each was caught; empty: it was not
    alike: dict[Mutant, str]  # that make no difference where tried, and of which kind they are
    sampled: int  # of these, tried in some worlds in a part of the states only
    unlooked: list[Mutant]  # of transitions that no scenario takes
    dead: list[str]
    by_state: int
    seconds: float
    breaks: dict[str, list[Mutant]]  # the mutants that break each promise
    flaws: list[str]  # of the proof itself: what was not looked at, and nobody says why

    @property
    def is_good(self) -> bool:
        """Say whether there was something to look at, no promise is broken, no mutant lives."""
        return not (self.stories or self.flaws) and all(self.mutants.values())


_policy: Policy
_alive: Any
_mutants: Sequence[Mutant]
_scenarios: Sequence[Scenario]
_replays: str
_replayed: set[Any] = set()  # the classes of steps that this process has taken


def prove(
    policy: Policy,
    scenarios: Sequence[Scenario] = SCENARIOS,
    *,
    mutants: bool = True,
    replays: str = "classes",
    processes: int | None = None,
    tell: Callable[[Found], None] = lambda _found: None,
) -> Proof:
    """Return the proof of a policy.

    replays: which steps are taken once more on a real store: "none", one of each of the "classes"
    of steps, or "all". tell: is given what each scenario showed, as it ends.
    """
    global _policy, _alive, _mutants, _scenarios, _replays  # noqa: PLW0603  # what forked processes share
    started = monotonic()
    _policy, _scenarios, _replays = policy, scenarios, replays
    _mutants = list(list_mutants(policy)) if mutants else []
    context = multiprocessing.get_context("fork")
    _alive = context.Array("b", [1] * len(_mutants))
    found: list[Found] = []
    flaws = set(flaws_of(policy))
    static = {one: caught_as_written(policy, one, flaws) for one in _mutants}
    for place, one in enumerate(_mutants):
        _alive[place] = not static[one]
    with context.Pool(processes or os.cpu_count() or 1) as pool:
        for shown in pool.imap_unordered(look_at, range(len(scenarios)), chunksize=1):
            found.append(shown)
            tell(shown)
    whole = {one.name for one in scenarios} >= {one.name for one in SCENARIOS}
    proof = sum_up(policy, found, static, monotonic() - started)
    proof.flaws.extend(flaws_of_proof(proof, policy, mutants=mutants, whole=whole))
    return proof


def flaws_of_proof(proof: Proof, policy: Policy, *, mutants: bool, whole: bool) -> Iterator[str]:
    """Yield what makes a proof worth nothing, or less than it says.

    whole: every world was looked at, so that every step must be taken or have its reason.
    """
    if not sum(one.states for one in proof.found):
        yield "no state was looked at"
    if mutants and not any(one.trials for one in proof.found):
        yield "no mutant was tried in any state"
    if whole:
        known = {
            f"{workflow.name}.{name}"
            for workflow in policy.current.values()
            for name in workflow.transitions
        }
        yield from flaws_of_untaken(proof.dead, known)
        undone = set().union(*(one.undone for one in proof.found))
        for pair in (one for one in PAIRS if one not in undone):
            yield f"({UNDOING}) {pair.do} is undone by {pair.undo} in no world"
    if whole and mutants:
        yield from flaws_of_alike(proof.alike)
        yield from flaws_of_unbroken(proof.breaks)


def caught_as_written(policy: Policy, mutant: Mutant, flaws: set[tuple[str, str]]) -> str:
    """Return the promise that a mutant breaks as it is written; empty for none.

    flaws: of the policy itself.
    """
    new = (one for one in flaws_of(apply(policy, mutant)) if one not in flaws)
    return next(new, ("", ""))[0]


def look_at(place_of_scenario: int) -> Found:
    """Explore a scenario and try in it every mutant that still lives."""
    started = monotonic()
    graph = explore(_scenarios[place_of_scenario], _policy)
    undone: set[Pair] = set()
    graph.violations.extend(find_traces(graph, undone))
    found, stuck = describe(graph)
    found.undone = undone
    found.exploring = monotonic() - started
    index = Index(graph)
    for place, mutant in enumerate(_mutants):
        key = (mutant.workflow, mutant.transition)
        if _alive[place] and key in found.taken:
            trial = try_mutant(graph, index, mutant, stuck)
            found.trials[mutant] = trial
            if trial.caught_by:
                _alive[place] = 0
    if _replays != "none":
        replay_in(graph, found)
    found.seconds = monotonic() - started
    return found


def replay_in(graph: Graph, found: Found) -> None:
    """Take steps of a scenario on a real store, and note where it ends elsewhere.

    Where all are taken, their letters and messages are written too: none may fail in any state.
    """
    if _replays == "all":
        done = replay(graph)
    else:
        done = replay(graph, one_of_a_class(graph, _replayed), told=())
    found.replayed = done.taken
    found.broken += len(done.differences)
    found.stories.extend(
        Story(found.scenario, "REPLAY", one, ()) for one in done.differences[:SHOWN]
    )


def describe(graph: Graph) -> tuple[Found, int]:
    """Return what was found in a scenario, and how many states cannot end."""
    found = Found(graph.scenario.name, len(graph.states), graph.edge_count)
    stuck = find_stuck(graph)
    found.broken = len(graph.violations) + len(stuck)
    found.stories = [*stories_of(graph)]
    if stuck:
        says = f"{len(stuck)} states can be left only with the subject's help"
        steps = tuple(map(str, graph.story(stuck[0])))
        found.stories.append(Story(graph.scenario.name, ENDS, says, steps))
    for edges in graph.edges:
        for edge in edges:
            found.taken.update((one.workflow, one.transition) for one in edge.trace)
            found.entered.update((one.workflow, one.target) for one in edge.trace)
    return found, len(stuck)


def stories_of(graph: Graph) -> Iterator[Story]:
    """Yield the first violation of each promise by each step, as a story."""
    seen = set()
    for one in graph.violations:
        key = (one.promise, one.attempt.transition if one.attempt else "")
        if key not in seen:
            seen.add(key)
            steps = [*graph.story(one.state), *([one.attempt] if one.attempt else [])]
            yield Story(graph.scenario.name, one.promise, one.says, tuple(map(str, steps)))


def sum_up(policy: Policy, found: list[Found], static: dict[Mutant, str], seconds: float) -> Proof:
    """Return what all scenarios showed together."""
    taken = set().union(*(one.taken for one in found))
    stories = [story for one in found for story in one.stories]
    stories.extend(Story("as written", one, says, ()) for one, says in flaws_of(policy))
    mutants: dict[Mutant, str] = {}
    alike: dict[Mutant, str] = {}
    unlooked, by_state, sampled = [], 0, 0
    breaks: dict[str, list[Mutant]] = {key: [] for key in (*STATE_PROPERTIES, *STEP_PROPERTIES)}
    for mutant, as_written in static.items():
        trials = [one.trials[mutant] for one in found if mutant in one.trials]
        caught = as_written or next((one.caught_by for one in trials if one.caught_by), "")
        if not caught and (mutant.workflow, mutant.transition) not in taken:
            unlooked.append(mutant)
            continue
        if not caught and not any(one.differs for one in trials):
            alike[mutant] = kind_of(mutant, trials)
            sampled += any(one.capped for one in trials)
            continue
        if not caught and trials and not any(one.taken for one in trials):
            caught = "L1"  # a step that nobody can take any more is dead letter
        mutants[mutant] = caught
        for promise in set().union(*(one.broken for one in trials)):
            breaks.setdefault(promise, []).append(mutant)
        by_state += any(one.by_state for one in trials)
    dead = [
        f"{workflow.name}.{name}"
        for workflow in policy.current.values()
        for name in workflow.transitions
        if (workflow.name, name) not in taken
    ]
    return Proof(
        found, stories, mutants, alike, sampled, unlooked, dead, by_state, seconds, breaks, []
    )


def property_count() -> int:
    """Return how many promises are checked: of states, of steps, of all together, as written."""
    numbers = {number for key in (*STATE_PROPERTIES, *STEP_PROPERTIES) for number in key.split("/")}
    return len(numbers | {ENDS, UNDOING, "30", "L1", "S1", "S2", "S3", "WHOLE", "REPLAY"})


def count_kinds(mutants: dict[Mutant, str]) -> Counter[str]:
    """Return how many mutants each promise caught."""
    return Counter(mutants.values())


def report(proof: Proof, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of a report, the sum in the last one.

    verbose: name the mutants that make no difference, too.
    """
    for story in proof.stories:
        yield f"\n({story.promise}) {story.says}   [{story.scenario}]"
        yield from (f"  {number}. {step}" for number, step in enumerate(story.steps, start=1))
    for mutant, caught in sorted(proof.mutants.items()):
        if not caught:
            yield f"not caught: {mutant}"
    if verbose:
        yield from (f"no difference: {one} ({kind})" for one, kind in sorted(proof.alike.items()))
        for promise, by in sorted(proof.breaks.items()):
            yield f"({promise}) is broken by {len(by)} mutants" + (f", as {by[0]}" if by else "")
    dead = Counter(name.partition(".")[0] for name in proof.dead)
    if dead:
        named = ", ".join(f"{name} {count}" for name, count in sorted(dead.items()))
        yield f"steps taken in no world: {named}"
    for kind, count in Counter(proof.alike.values()).most_common():
        yield f"no difference, {kind or 'for no known reason'}: {count}"
    yield from (f"✗ {one}" for one in proof.flaws)
    found_out = sum(map(bool, proof.mutants.values()))
    if proof.mutants:
        yield (
            f"mutants that no step or state tells from the policy: {len(proof.alike)}, "
            f"{proof.sampled} of them looked at in a part of the states of a large world; "
            f"of steps taken in no world: {len(proof.unlooked)}; "
            f"caught by promises of states alone: {proof.by_state}"
        )
    yield (
        f"{property_count()} properties, {sum(one.states for one in proof.found)} states, "
        f"{sum(one.edges for one in proof.found)} edges, "
        f"{sum(one.replayed for one in proof.found)} of them replayed, "
        f"{found_out} of {len(proof.mutants)} mutants caught, {proof.seconds:.1f} s"
    )
