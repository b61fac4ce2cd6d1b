"""Credit records: as the client's role reads them, and what can be begun about one."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from flask import Response
from pydantic import BaseModel, Field

from repair_app.access import stands_as
from repair_app.api.access import current_account, needs
from repair_app.api.answers import Key, Paging, expect_place, next_of, once, send
from repair_app.api.case_models import Done, Party, Step, Words
from repair_app.api.cases import done_of, step_of
from repair_app.api.looking import tell_listed
from repair_app.api.mistakes import CODE, NAME, NAME_OR_NONE, PART_OF_CODE, REF, VISIBLE
from repair_app.api.problems import PROBLEMS
from repair_app.api.questions import StepRequest, read
from repair_app.api.resources import open_part
from repair_app.models import CreditRecord, Role
from repair_app.services import cases, entries, records

resources = open_part("records")
# What is told of a record as it stands, masked for who is nothing in it.
TOLD: Final = (
    "severity_class",
    "source_unit",
    "decision_no",
    "decided_on",
    "violation_type",
    "violation_facts",
    "legal_basis",
    "penalty_categories",
    "penalty_content",
    "fine_10k",
    "confiscation_10k",
    "max_publication_until",
)


class RecordPath(BaseModel):
    """Which record."""

    ref: str = Field(pattern=REF, description="for example JL-2026-000123-C")


class MatterPath(RecordPath):
    """Which matter is begun about which record."""

    workflow: str = Field(pattern=NAME, description="objection, repair and others")


class Opening(BaseModel):
    """A matter that can be begun about a record."""

    workflow: str
    step: Step


class RecordQuery(Paging):
    """Which records are wanted, newest first."""

    uscc: str = Field("", pattern=PART_OF_CODE, description="code of the enterprise")
    state: str = Field("", pattern=NAME_OR_NONE)
    decision_no: str = Field("", max_length=100, pattern=VISIBLE, description="the whole number")


class RecordLine(BaseModel):
    """A credit record in a list."""

    ref: str
    subject: Party
    provider: Party
    state: str
    version: int
    severity_class: str
    decision_no: str
    decided_on: date
    max_publication_until: date
    contested: bool


class RecordPage(BaseModel):
    """A part of the list, and where it goes on."""

    records: list[RecordLine]
    next: str | None


class RecordWhole(BaseModel):
    """A credit record, with what the reader may see of it."""

    ref: str
    subject: Party
    provider: Party
    state: str
    version: int
    severity_class: str
    source_unit: str
    decision_no: str
    decided_on: date
    violation_type: str
    violation_facts: str
    legal_basis: str
    penalty_categories: list[str]
    penalty_content: str
    fine_10k: Decimal | None = Field(description="in units of 10,000 yuan")
    confiscation_10k: Decimal | None = Field(description="in units of 10,000 yuan")
    max_publication_until: date = Field(description="the last day of publication at the most")
    contested: bool
    openings: list[Opening]
    steps: list[Step]


class EnterprisePath(BaseModel):
    """Which enterprise."""

    uscc: str = Field(pattern=CODE, description="its unified social credit code")


class EntryQuery(BaseModel):
    """Which entries are wanted, newest first."""

    after: int | None = Field(None, ge=1, le=2**31 - 2, description="`next` of the page before")
    limit: int = Field(entries.PAGE, ge=1, le=200)


class Fact(BaseModel):
    """What an entry says."""

    name: str
    label: Words
    value: str


class Entry(BaseModel):
    """A licence, or an entry of a list; no penalty, and nothing that is repaired."""

    kind: str = Field(description="licences, abnormal_list, discredit_list or defaulters")
    label: Words
    number: str = Field(description="of the decision or licence; empty where there is none")
    agency: str
    decided_on: date
    valid_until: date | None = Field(description="of a licence; 2099-12-31 is no end")
    facts: list[Fact]


class EntryPage(BaseModel):
    """Some entries of an enterprise."""

    subject: Party
    entries: list[Entry]
    next: int | None


@resources.get("/records", responses={200: RecordPage, **PROBLEMS})
@needs("records:read")
def list_records(query: RecordQuery) -> Response:
    """List the records that concern the client's role, the newest first."""
    found = records.list_page(
        current_account(),
        after=query.after,
        limit=query.limit,
        uscc=query.uscc.upper(),
        state=query.state,
        decision_no=query.decision_no,
    )
    tell_listed(found)
    more = next_of(found, query.limit)
    return send(RecordPage(records=[line_of(one) for one in found], next=more))


@resources.get("/records/<ref:ref>", responses={200: RecordWhole, **PROBLEMS})
@needs("records:read")
def show_record(path: RecordPath) -> Response:
    """Show a credit record, and what the client's role can begin or do about it."""
    user, store = current_account(), cases.reading()
    record = records.get_record(path.ref, user)
    roles = {Role(one.role) for one in stands_as(user, record)}
    read_as: Any = records.as_read_by(record, roles)
    openings = cases.list_openings(user, record, store) if roles else {}
    return send(
        RecordWhole(
            ref=record.ref,
            subject=Party.of(record.subject),
            provider=Party.of(record.provider),
            state=record.state,
            version=record.version,
            **{name: getattr(read_as, name) for name in TOLD},
            contested=record.is_contested,
            openings=[
                Opening(
                    workflow=name,
                    step=step_of(offer, cases.offer_to_open(user, name, record)[0]),
                )
                for name, offer in openings.items()
            ],
            steps=[step_of(one, record) for one in cases.list_offers(user, record, store)],
        )
    )


@resources.get("/enterprises/<string:uscc>/entries", responses={200: EntryPage, **PROBLEMS})
@needs("records:read")
def list_entries(path: EnterprisePath, query: EntryQuery) -> Response:
    """List the licences of an enterprise and the lists it is on, as the public reads them."""
    if query.after:
        there = entries.list_public(path.uscc, query.after + 1, 1).items
        expect_place(query.after, next((one.id for one in there), None))
    found = entries.list_public(path.uscc, query.after, query.limit)
    return send(
        EntryPage(
            subject=Party.of(found.subject),
            entries=[
                Entry(
                    kind=one.kind,
                    label=Words.of(one.label),
                    number=one.number,
                    agency=one.agency,
                    decided_on=one.decided_on,
                    valid_until=one.valid_until,
                    facts=[
                        Fact(name=name, label=Words.of(label), value=text)
                        for name, label, text in one.facts
                    ],
                )
                for one in found.items
            ],
            next=found.after,
        )
    )


@resources.post("/records/<ref:ref>/matters/<matter:workflow>", responses={201: Done, **PROBLEMS})
@needs("cases:write")
@once
def open_matter(path: MatterPath, body: StepRequest, header: Key) -> Response:
    """Begin a matter about a record: an objection, a repair and others."""
    user = current_account()
    record = records.get_record(path.ref, user)
    case, offer = cases.offer_to_open(user, path.workflow, record)
    submission = read(offer.transition, case, body, path.ref, path.workflow)
    outcome = cases.open_case(path.workflow, path.ref, user, submission)
    return send(done_of(cases.get_visible("cases", outcome.ref, user)), 201)


def line_of(record: CreditRecord) -> RecordLine:
    """Return what a list shows of a record."""
    return RecordLine(
        ref=record.ref,
        subject=Party.of(record.subject),
        provider=Party.of(record.provider),
        state=record.state,
        version=record.version,
        severity_class=record.severity_class,
        decision_no=record.decision_no,
        decided_on=record.decided_on,
        max_publication_until=record.max_publication_until,
        contested=record.is_contested,
    )
