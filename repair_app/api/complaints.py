"""Complaints of interested parties, as reviewers look at them; they come in by the public page."""

from http import HTTPStatus
from typing import Any

from flask import Response
from pydantic import BaseModel, Field

from repair_app.api.access import act_as, needs
from repair_app.api.answers import Key, once, send, send_bytes
from repair_app.api.case_models import Done, Step, Term, Words
from repair_app.api.cases import done_of, read_here, step_asked, step_of, term_of
from repair_app.api.mistakes import REF
from repair_app.api.papers import BYTES
from repair_app.api.problems import PROBLEMS
from repair_app.api.questions import StepRequest, read
from repair_app.api.resources import MOST, open_part
from repair_app.forms.complaints import CAPACITIES
from repair_app.models import Complaint, Role
from repair_app.services import cases, complaints

resources = open_part("complaints")


class ComplaintPath(BaseModel):
    """Which complaint."""

    ref: str = Field(pattern=REF, description="for example FY-2026-000123-C")


class ComplaintPaperPath(BaseModel):
    """Which file that came with a complaint."""

    number: int = Field(ge=1, le=MOST)


class ComplaintLine(BaseModel):
    """A complaint in the list."""

    ref: str
    record: str
    state: str
    state_label: Words
    version: int
    ground: str = Field(description="a code of the rule pack")
    terms: list[Term]


class ComplaintPage(BaseModel):
    """The complaints that wait, the oldest first."""

    complaints: list[ComplaintLine]


class ComplaintFile(BaseModel):
    """A file that came with a complaint; its bytes: /complaints/papers/{number}."""

    number: int
    name: str = Field(description="empty: it was erased with who complained, its hash stays")
    media_type: str
    size: int = Field(description="bytes")
    sha256: str


class ComplaintWhole(ComplaintLine):
    """A complaint with what was told; how to reach who told it is not part of it."""

    capacity: str
    capacity_label: Words
    statement: str
    papers: list[ComplaintFile]
    has_contact: bool
    steps: list[Step]


class Contact(BaseModel):
    """How a complainant can be reached; none was given: null."""

    ref: str
    contact: str | None


@resources.get("/complaints", responses={200: ComplaintPage, **PROBLEMS})
@needs("cases:read")
def list_complaints() -> Response:
    """List the complaints that wait to be looked at by the client's credit centre."""
    found = complaints.list_open(act_as(Role.REVIEWER))
    return send(ComplaintPage(complaints=[ComplaintLine(**told_of(one)) for one in found]))


@resources.get("/complaints/<ref:ref>", responses={200: ComplaintWhole, **PROBLEMS})
@needs("cases:read")
def show_complaint(path: ComplaintPath) -> Response:
    """Show what somebody told about a record, to a reviewer who is impartial in it."""
    user = act_as(Role.REVIEWER)
    found = complaints.get_complaint(path.ref, user)
    return send(
        ComplaintWhole(
            **told_of(found),
            capacity=found.capacity,
            capacity_label=Words.of(CAPACITIES[found.capacity]),
            statement=found.statement,
            papers=[
                ComplaintFile(
                    number=one.id,
                    name=one.filename,
                    media_type=one.media_type,
                    size=one.size,
                    sha256=one.sha256,
                )
                for one in found.papers
            ],
            has_contact=complaints.has_contact(found),
            steps=[step_of(one, found.case) for one in cases.list_offers(user, found.case)],
        )
    )


@resources.get("/complaints/papers/<row:number>", responses={200: BYTES, **PROBLEMS})
@needs("cases:read")
def download_paper(path: ComplaintPaperPath) -> Response:
    """Hand out a file that came with a complaint."""
    found, content = complaints.find_paper(path.number, act_as(Role.REVIEWER))
    return send_bytes(content, found.media_type, found.filename)


@resources.post("/complaints/<ref:ref>/contact", responses={200: Contact, **PROBLEMS})
@needs("cases:write")
@once
def read_contact(path: ComplaintPath, body: StepRequest, header: Key) -> Response:
    """Read how to reach the complainant: with the answers of the step read_contact.

    That it was read, by whom and why, is an event. The answer must not be stored.
    """
    user = act_as(Role.REVIEWER)
    case = complaints.get_complaint(path.ref, user).case
    transition = cases.find_transition(user, case, "read_contact")
    submission = read_here(transition, case, body, path.ref, transition.name)
    contact = complaints.read_contact(path.ref, user, submission)
    answer = send(Contact(ref=path.ref, contact=contact or None))
    answer.cache_control.no_store = True
    return answer


@resources.get("/complaints/<ref:ref>/take-up", responses={200: Step, **PROBLEMS})
@needs("cases:read")
def ask_to_take_up(path: ComplaintPath) -> Response:
    """Show what is asked for a complaint to be taken up."""
    user = act_as(Role.REVIEWER)
    objection, transition = complaints.case_to_take_up(
        complaints.get_complaint(path.ref, user), user
    )
    return send(step_asked(transition, objection))


@resources.post("/complaints/<ref:ref>/take-up", responses={201: Done, **PROBLEMS})
@needs("cases:write")
@once
def take_up(path: ComplaintPath, body: StepRequest, header: Key) -> Response:
    """Take a complaint up: opens an objection that says what the reviewer writes."""
    user = act_as(Role.REVIEWER)
    objection, transition = complaints.case_to_take_up(
        complaints.get_complaint(path.ref, user), user
    )
    submission = read(transition, objection, body, path.ref, "take_up")
    outcome = complaints.take_up(path.ref, user, submission)
    return send(done_of(cases.get_visible("cases", outcome.ref, user)), HTTPStatus.CREATED)


def told_of(complaint: Complaint) -> dict[str, Any]:
    """Return what a list shows of a complaint."""
    case = complaint.case
    return {
        "ref": case.ref,
        "record": case.record.ref,
        "state": case.state,
        "state_label": Words.of(complaints.state_of(case).label),
        "version": case.version,
        "ground": complaints.ground_of(complaint),
        "terms": [term_of(one) for one in case.deadlines],
    }
