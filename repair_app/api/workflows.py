"""The policy in force: workflows with their states and steps, and the terms of the rule packs."""

from typing import Any

from flask import Response
from pydantic import BaseModel, Field

from repair_app.api.access import needs
from repair_app.api.answers import send
from repair_app.api.case_models import Clause, Words
from repair_app.api.cases import clause_of
from repair_app.api.mistakes import NAME
from repair_app.api.problems import PROBLEMS
from repair_app.api.questions import Asked, ask_of_any
from repair_app.api.resources import open_part
from repair_app.db import today
from repair_app.engine.policy import clocks_of
from repair_app.engine.spec import SAME, State, Transition, Workflow
from repair_app.services import cases, rules
from repair_app.services.policy import current_policy

resources = open_part("workflows")


class WorkflowPath(BaseModel):
    """Which workflow."""

    name: str = Field(pattern=NAME, description="objection, repair and others")


class WorkflowLine(BaseModel):
    """A workflow in force."""

    name: str
    version: str
    sha256: str = Field(description="of its content; events are pinned to it")
    entity: str = Field(description="what moves by it: case, record, requirement or sanction")
    prefix: str = Field(description="how references begin")
    label: Words


class WorkflowPage(BaseModel):
    """The workflows in force."""

    workflows: list[WorkflowLine]


class StateTold(BaseModel):
    """Where something may be, who has to act there, and by which clock."""

    name: str
    label: Words
    final: bool
    owner: str | None = Field(description="the role that has to act")
    clock: str | None = Field(description="a term of the rule pack, in working days")
    contests: bool = Field(description="the record is under verification: nothing is enforced")


class StepTold(Asked):
    """A lawful step: from where to where, by whom, on which clauses, and what it asks."""

    name: str
    label: Words
    source: list[str]
    target: str | None = Field(description="none: it stays where it is")
    by: list[str]
    basis: list[Words]
    guards: list[str]


class ClockTold(BaseModel):
    """A term of the rule pack in force."""

    name: str
    working_days: int
    source: Clause


class WorkflowWhole(WorkflowLine):
    """A workflow with all its states and steps."""

    basis: list[Words]
    states: list[StateTold]
    steps: list[StepTold]
    term: str | None = Field(description="the clock of the whole matter")
    rule_pack: str | None = Field(description="in force today for what is begun now")
    clocks: list[ClockTold]


@resources.get("/workflows", responses={200: WorkflowPage, **PROBLEMS})
@needs("cases:read")
def list_workflows() -> Response:
    """List the workflows in force."""
    found = current_policy().current.values()
    return send(WorkflowPage(workflows=[WorkflowLine(**line_of(one)) for one in found]))


@resources.get("/workflows/<name>", responses={200: WorkflowWhole, **PROBLEMS})
@needs("cases:read")
def show_workflow(path: WorkflowPath) -> Response:
    """Describe a workflow: its states, its steps with what each asks, and its terms."""
    workflow = current_policy().current.get(path.name)
    if workflow is None:
        raise cases.NotVisible(path.name)
    return send(whole_of(workflow))


def line_of(workflow: Workflow) -> dict[str, Any]:
    """Return what a list shows of a workflow."""
    return {
        "name": workflow.name,
        "version": workflow.version,
        "sha256": workflow.sha256,
        "entity": workflow.entity,
        "prefix": workflow.prefix,
        "label": Words.of(workflow.label),
    }


def whole_of(workflow: Workflow) -> WorkflowWhole:
    """Return all of a workflow."""
    pack = rules.parts_in_force(current_policy(), today()).get(workflow.rules)
    return WorkflowWhole(
        **line_of(workflow),
        basis=[Words.of(one.label) for one in workflow.basis],
        states=[state_of(one) for one in workflow.states.values()],
        steps=[step_of(one) for one in workflow.transitions.values()],
        term=workflow.term.clock if workflow.term else None,
        rule_pack=f"{pack.id}.{pack.edition}" if pack else None,
        clocks=[
            ClockTold(name=name, working_days=one.working_days, source=clause_of(one))
            for name, one in sorted(pack.clocks.items() if pack else ())
            if name in clocks_of(workflow)
        ],
    )


def state_of(state: State) -> StateTold:
    """Return a state."""
    return StateTold(
        name=state.name,
        label=Words.of(state.label),
        final=state.final,
        owner=state.owner,
        clock=state.clock,
        contests=state.contests,
    )


def step_of(step: Transition) -> StepTold:
    """Return a step; where it asks to choose, the matter itself says among what."""
    return StepTold(
        name=step.name,
        label=Words.of(step.label),
        source=list(step.source),
        target=None if step.target == SAME else step.target,
        by=list(step.by),
        basis=[Words.of(one.label) for one in step.basis],
        guards=list(step.guards),
        **dict(ask_of_any(step.form)),
    )
