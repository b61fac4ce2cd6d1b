"""At an office's desk: notes on a case, who has a matter in hand; and urging, by who filed it."""

from datetime import datetime
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel, Field

from repair_app.api.access import act_as, current_account, current_client, needs
from repair_app.api.answers import Key, once, send, token_of_request
from repair_app.api.bodies import Sent, Whole
from repair_app.api.case_models import CasePath
from repair_app.api.mistakes import REF
from repair_app.api.problems import PROBLEMS
from repair_app.api.resources import MOST, open_part
from repair_app.engine.assigning import OFFICES
from repair_app.engine.step import NotAllowed
from repair_app.models import Role
from repair_app.services import cases, desk, inbox, messages

resources = open_part("desk")


class NoteLine(BaseModel):
    """An internal note, or who took a matter in hand, gave it on or laid it down."""

    kind: str = Field(description="note, claimed, assigned or released")
    body: str
    author: str
    named: str | None = Field(description="to whom it was given")
    organisation: str
    written_at: datetime


class DeskOfCase(BaseModel):
    """What an office has beside a case."""

    notes: list[NoteLine] = Field(description="newest first; only offices read them")
    writes_notes: bool
    holder: str | None = Field(description="who of the office has it in hand, if it is its turn")


class NewNote(Sent):
    """A note to be written."""

    note: str = Field(min_length=1, max_length=desk.NOTE_LENGTH)


class Colleague(BaseModel):
    """Somebody of the same office, and how much is in this person's hands."""

    account: int
    name: str
    waiting: int
    overdue: int


class Colleagues(BaseModel):
    """Those to whom a matter can be given."""

    colleagues: list[Colleague]


class MatterInHand(BaseModel):
    """Which matter: the `ref` of a line of the worklist."""

    ref: str = Field(pattern=REF, description="for example YY-2026-000123-C")


class Giving(Sent):
    """To whom a matter is given."""

    colleague: Whole = Field(ge=1, le=MOST, description="`account` of a colleague")
    holder: Whole | None = Field(
        None,
        ge=0,
        le=MOST,
        description="who had it when the worklist was read, 0 for nobody: refused if somebody else "
        "has it by now; left out: not compared",
    )


class InHand(BaseModel):
    """In whose hands a matter is."""

    ref: str
    holder: int | None


class Urged(BaseModel):
    """When a case was urged, oldest first."""

    ref: str
    urged_at: list[datetime]


@resources.get("/cases/<ref:ref>/notes", responses={200: DeskOfCase, **PROBLEMS})
@needs("cases:read")
def list_notes(path: CasePath) -> Response:
    """Show what the client's office notes on a case, and who has it in hand."""
    return send(desk_of(path.ref))


@resources.post("/cases/<ref:ref>/notes", responses={201: DeskOfCase, **PROBLEMS})
@needs("cases:write")
@once
def add_note(path: CasePath, body: NewNote, header: Key) -> Response:
    """Write an internal note on a case, for the client's own office."""
    desk.add_note(path.ref, current_account(), body.note, token_of_request())
    return send(desk_of(path.ref), HTTPStatus.CREATED)


@resources.get("/colleagues", responses={200: Colleagues, **PROBLEMS})
@needs("cases:read")
def list_colleagues() -> Response:
    """List those of the client's office to whom a matter can be given, with what they have."""
    user, role = act_as(*OFFICES), Role(current_client().role)
    loads = desk.list_load(desk.list_colleagues(user, role), role)
    return send(
        Colleagues(
            colleagues=[
                Colleague(
                    account=one.account_id,
                    name=one.name,
                    waiting=one.waiting,
                    overdue=one.overdue,
                )
                for one in loads
            ]
        )
    )


@resources.post("/worklist/<ref:ref>/assign", responses={200: InHand, **PROBLEMS})
@needs("cases:write")
@once
def assign(path: MatterInHand, body: Giving, header: Key) -> Response:
    """Give a matter that waits for the client's office into a colleague's hands."""
    desk.assign(path.ref, body.colleague, act_as(*inbox.WORKERS), body.holder)
    return send(InHand(ref=path.ref, holder=body.colleague))


@resources.post("/worklist/<ref:ref>/release", responses={200: InHand, **PROBLEMS})
@needs("cases:write")
@once
def release(path: MatterInHand, header: Key) -> Response:
    """Have a matter wait for the whole office again."""
    desk.release(path.ref, act_as(*inbox.WORKERS))
    return send(InHand(ref=path.ref, holder=None))


@resources.post("/cases/<ref:ref>/urge", responses={200: Urged, **PROBLEMS})
@needs("cases:write")
@once
def urge(path: CasePath, header: Key) -> Response:
    """Tell those who have to act in a case that it is waited for; once a working day."""
    messages.urge(path.ref, current_account())
    case = cases.get_case(path.ref, current_account())
    return send(Urged(ref=case.ref, urged_at=list(messages.list_urgings(case))))


def desk_of(ref: str) -> DeskOfCase:
    """Return what the client's office has beside a case. Raises NotVisible, NotAllowed."""
    user = current_account()
    found = desk.lay_out(user, cases.get_case(ref, user), cases.reading())
    if not found.reads_notes:
        raise NotAllowed("notes")
    return DeskOfCase(
        notes=[
            NoteLine(
                kind=one.kind,
                body=one.body,
                author=one.author,
                named=one.named,
                organisation=one.organisation,
                written_at=one.written_at,
            )
            for one in found.notes
        ],
        writes_notes=found.writes_notes,
        holder=found.holder,
    )
