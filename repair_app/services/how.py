"""How it works: what a reader is told of each workflow, step by step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repair_app.db import today
from repair_app.engine.drawing import list_undrawn, number_steps
from repair_app.engine.policy import Policy
from repair_app.engine.rules import RulePack
from repair_app.engine.spec import State, Transition, Workflow
from repair_app.services.policy import current_policy
from repair_app.services.rules import parts_in_force


@dataclass(frozen=True)
class Step:
    """One step: its number in the picture, from where, to where, by whom, within which terms."""

    number: int
    transition: Transition
    sources: tuple[State, ...]
    target: State | None  # None: it stays where it is
    terms: tuple[int, ...]  # working days that the states before it have, by the rules in force


@dataclass(frozen=True)
class Explained:
    """A workflow with its steps, and the rules that say how long they may take."""

    workflow: Workflow
    steps: Sequence[Step]
    pack: RulePack | None
    undrawn: Sequence[int]  # numbers of the steps that the picture leaves out
    whole: int | None  # working days that all of it may take


def list_workflows() -> dict[str, list[Workflow]]:
    """Return the workflows in force by what they are about: matters first."""
    found: dict[str, list[Workflow]] = {
        "case": [],
        "requirement": [],
        "record": [],
        "sanction": [],
    }
    for one in current_policy().current.values():
        found[one.entity].append(one)
    return found


def explain(name: str) -> Explained | None:
    """Return a workflow in force with its steps; None for a name that is none."""
    policy = current_policy()
    workflow = policy.current.get(name)
    return describe(policy, workflow) if workflow else None


def describe(policy: Policy, workflow: Workflow) -> Explained:
    """Return a workflow with its steps, as the rules in force today time them."""
    pack = parts_in_force(policy, today()).get(workflow.rules)
    return Explained(
        workflow=workflow,
        steps=list(list_steps(workflow, pack)),
        pack=pack,
        undrawn=list_undrawn(workflow),
        whole=days_of(workflow.term.clock, pack) if workflow.term else None,
    )


def list_steps(workflow: Workflow, pack: RulePack | None) -> Iterator[Step]:
    """Yield the steps of a workflow in the order of its file."""
    for number, one in number_steps(workflow):
        sources = [workflow.states[name] for name in one.source]
        stays = all(one.target_from(name) == name for name in one.source)
        terms = (days_of(state.clock, pack) for state in sources if state.clock)
        yield Step(
            number=number,
            transition=one,
            sources=tuple(sources),
            target=None if stays else workflow.states[one.target_from(one.source[0])],
            terms=tuple(sorted({days for days in terms if days is not None})),
        )


def days_of(clock: str, pack: RulePack | None) -> int | None:
    """Return the working days of a term, where the rules give it."""
    found = pack.clocks.get(clock) if pack else None
    return found.working_days if found else None
