"""The worklist: what waits for the client's role, the most urgent first."""

from datetime import date
from typing import Final, Literal

from flask import Response
from flask_babel import gettext
from pydantic import BaseModel, Field

from repair_app.api.access import current_account, current_client, needs
from repair_app.api.answers import send
from repair_app.api.case_models import Words
from repair_app.api.looking import tell_listed
from repair_app.api.mistakes import NAME_OR_NONE, PLACE
from repair_app.api.problems import PROBLEMS, Mistake, Wrong
from repair_app.api.resources import open_part
from repair_app.db import today
from repair_app.models import Role
from repair_app.services import feed, inbox
from repair_app.services.cases import NoSuchPlace
from repair_app.services.policy import current_policy

resources = open_part("worklist")
KINDS: Final = {
    "Case": "cases",
    "Requirement": "requirements",
    "Sanction": "sanctions",
    "CreditRecord": "records",
}


class WorkQuery(BaseModel):
    """Which part of the worklist is wanted."""

    after: str = Field("", pattern=PLACE, description="`next` of the page before")
    # Not "mine": a machine has nothing in hand.
    tab: Literal["team", "unassigned", "soon", "overdue"] = "team"
    workflow: str = Field("", pattern=NAME_OR_NONE)
    state: str = Field("", pattern=NAME_OR_NONE, description="of that workflow")
    until: date | None = Field(None, description="due by this day")


class Turn(BaseModel):
    """A term that runs for the client's role, with what it is about."""

    kind: str = Field(description="cases, requirements, sanctions or records")
    ref: str
    workflow: str
    state: str
    state_label: Words
    clock: str
    due_on: date
    overdue: bool
    case: str | None
    record: str
    decision_no: str
    subject: str
    provider: str
    holder: int | None = Field(description="`account` of the colleague who has it in hand")


class WorkPage(BaseModel):
    """A part of the worklist, and where it goes on."""

    turns: list[Turn]
    waiting: int = Field(description=f"in all, {inbox.COUNTED + 1} for more")
    overdue: int = Field(description="of these")
    next: str | None


@resources.get("/worklist", responses={200: WorkPage, **PROBLEMS})
@needs("cases:read")
def list_turns(query: WorkQuery) -> Response:
    """List what waits for the client's role, the most urgent first.

    An enterprise has all of it in one page: its own terms, without the filters.
    """
    role = Role(current_client().role)
    if query.after and (role not in inbox.WORKERS or inbox.read_place(query.after) is None):
        raise NoSuchPlace(query.after)
    if role not in inbox.WORKERS:
        return send(own_turns())
    asked = {
        "tab": query.tab,
        "what": ".".join(filter(None, (query.workflow, query.state))),
        "until": query.until.isoformat() if query.until else "",
    }
    filters = inbox.read_filters(role, asked)
    for name in ("workflow", "state"):
        if getattr(query, name) != getattr(filters, name):
            message = gettext("Nothing of this name waits for the client's role.")
            raise Wrong(Mistake(field=name, message=message))
    found = inbox.list_turns(current_account(), role, query.after or None, filters)
    tell_listed(one.term for one in found.turns)
    return send(
        WorkPage(
            turns=[turn_of(one) for one in found.turns],
            waiting=found.waiting,
            overdue=found.overdue,
            next=found.after,
        )
    )


def own_turns() -> WorkPage:
    """Return what waits for who files: of one organisation, so that it is short."""
    turns = [turn_of(one) for one in inbox.make_lines(feed.list_terms(current_account()))]
    return WorkPage(
        turns=turns, waiting=len(turns), overdue=sum(one.overdue for one in turns), next=None
    )


def turn_of(line: inbox.Line) -> Turn:
    """Return a line of the worklist."""
    entity, term = line.entity, line.term
    states = current_policy().workflow_of(entity).states
    return Turn(
        kind=KINDS[line.kind],
        ref=entity.ref,
        workflow=entity.workflow,
        state=entity.state,
        state_label=Words.of(states[entity.state].label),
        clock=term.clock,
        due_on=term.due_on,
        overdue=term.is_over(today()),
        case=entity.case,
        record=entity.record,
        decision_no=entity.decision_no,
        subject=entity.subject,
        provider=entity.provider,
        holder=term.assignee_id,
    )
