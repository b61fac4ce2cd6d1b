"""Joint measures: as a department or the lead agency sees them, and how one is begun."""

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any, Final

from flask import Response
from pydantic import BaseModel, Field

from repair_app.api.access import current_account, needs
from repair_app.api.answers import Key, Paging, next_of, once, send
from repair_app.api.case_models import Done, Party, Step, Words
from repair_app.api.cases import done_of, step_of
from repair_app.api.looking import tell_listed
from repair_app.api.mistakes import REF
from repair_app.api.problems import PROBLEMS
from repair_app.api.questions import StepRequest, read_form, submission_of
from repair_app.api.resources import open_part
from repair_app.models import Sanction
from repair_app.services import cases, records, sanctions
from repair_app.services.policy import current_policy
from repair_app.services.reasons import reason_text

resources = open_part("measures")


class Beginning(StrEnum):
    """How a measure is begun: by its department itself, or by the lead agency that asks it to."""

    IMPOSE = "impose"
    INITIATE = "initiate"


OFFERS: Final = {
    Beginning.IMPOSE: sanctions.offer_to_impose,
    Beginning.INITIATE: sanctions.offer_to_initiate,
}


class BeginningPath(BaseModel):
    """On which record, and how."""

    ref: str = Field(pattern=REF, description="of the record")
    beginning: Beginning


class MeasurePath(BaseModel):
    """Which measure."""

    ref: str = Field(pattern=REF, description="for example CJ-2026-000123-C")


class Told(BaseModel):
    """A measure of the catalogue."""

    code: str
    name: Words
    basis: str


class MeasureLine(BaseModel):
    """A measure that rests on a record."""

    ref: str
    record: str
    subject: Party
    measure: Told
    department: Party
    state: str
    state_label: Words
    version: int
    imposed_on: date
    ends_on: date
    enforceable: bool = Field(description="today")
    reason: str
    basis: Words


class MeasureWhole(MeasureLine):
    """The same, with whom it reaches, for who may read that, and the steps that are offered."""

    person: str | None
    person_role: str | None
    steps: list[Step]


class MeasurePage(BaseModel):
    """A part of the list, and where it goes on."""

    measures: list[MeasureLine]
    next: str | None


@resources.get("/sanctions", responses={200: MeasurePage, **PROBLEMS})
@needs("cases:read")
def list_measures(query: Paging) -> Response:
    """List the measures of the client's department, or on its agency's records, newest first."""
    found = sanctions.list_page(current_account(), after=query.after, limit=query.limit)
    tell_listed(found)
    more = next_of(found, query.limit)
    return send(MeasurePage(measures=[MeasureLine(**told_of(one)) for one in found], next=more))


@resources.get("/sanctions/<ref:ref>", responses={200: MeasureWhole, **PROBLEMS})
@needs("cases:read")
def show_measure(path: MeasurePath) -> Response:
    """Show a measure: whether it may be enforced today, and what may be done next."""
    user = current_account()
    found: Any = cases.get_visible("sanctions", path.ref, user)
    reads_person = sanctions.may_read_person(user, found) and found.person is not None
    return send(
        MeasureWhole(
            **told_of(found),
            person=found.person.name if reads_person else None,
            person_role=found.person_role if reads_person else None,
            steps=[step_of(one, found) for one in cases.list_offers(user, found)],
        )
    )


@resources.get("/records/<ref:ref>/measures/<beginning>", responses={200: Step, **PROBLEMS})
@needs("cases:read")
def ask_to_begin(path: BeginningPath) -> Response:
    """Show what is asked for a measure to be begun on a record, and what bars it."""
    user = current_account()
    record = records.get_record(path.ref, user)
    sanction, offer = OFFERS[path.beginning](user, record)
    return send(step_of(offer, sanction))


@resources.post("/records/<ref:ref>/measures/<beginning>", responses={201: Done, **PROBLEMS})
@needs("cases:write")
@once
def begin(path: BeginningPath, body: StepRequest, header: Key) -> Response:
    """Impose a measure of the catalogue on a record, or ask a department to carry one out.

    Answers with the record that it rests on.
    """
    user = current_account()
    record = records.get_record(path.ref, user)
    sanction, offer = OFFERS[path.beginning](user, record)
    form: Any = read_form(offer.transition, sanction, body)
    submission = submission_of(form, path.ref, path.beginning.value)
    act: Callable[..., cases.Outcome] = sanctions.impose
    if path.beginning is Beginning.INITIATE:
        act = partial(sanctions.initiate, person_id=form.person_id)
    outcome = act(path.ref, user, submission)
    return send(done_of(cases.get_visible("records", outcome.ref, user)), 201)


def told_of(sanction: Sanction) -> dict[str, Any]:
    """Return what a list shows of a measure."""
    states = current_policy().workflow_of(sanction).states
    [answer] = sanctions.list_verdicts([sanction])
    measure = sanction.measure
    return {
        "ref": sanction.ref,
        "record": sanction.record.ref,
        "subject": Party.of(sanction.record.subject),
        "measure": Told(
            code=measure.code,
            name=Words(zh=measure.name_zh, en=measure.name_en),
            basis=measure.basis,
        ),
        "department": Party.of(sanction.department),
        "state": sanction.state,
        "state_label": Words.of(states[sanction.state].label),
        "version": sanction.version,
        "imposed_on": sanction.imposed_on,
        "ends_on": sanction.ends_on,
        "enforceable": answer.verdict.enforceable,
        "reason": reason_text(answer.verdict.reason),
        "basis": Words.of(current_policy().cite(answer.verdict.basis)),
    }
