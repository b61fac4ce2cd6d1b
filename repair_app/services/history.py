"""What happened: the ledger, as people read it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, true, union_all
from sqlalchemy.orm import joinedload

from repair_app import ledger
from repair_app.access import organisations_as, visible_to
from repair_app.db import db
from repair_app.engine.spec import Transition, Workflow
from repair_app.engine.step import Entity
from repair_app.labels import N_
from repair_app.models import Case, CreditRecord, Event, Organisation, Requirement, Role, User
from repair_app.services import calendar, organisations
from repair_app.services.cases import KINDS
from repair_app.services.policy import current_policy

PAGE = 50
INTERNAL = frozenset({"note", "person"})  # texts for the file only: the subject does not read them


@dataclass(frozen=True)
class Happening:
    """One event with what it means by the workflow version it belongs to."""

    event: Event
    at: datetime
    workflow: Workflow
    transition: Transition
    role: str
    organisation: str | None
    texts: Mapping[str, str]
    erased: bool
    facts: Mapping[str, Any]
    evidence: Sequence[str]


def list_happenings(stream: str, user: User, *, internal: bool) -> list[Happening]:
    """Return what happened in and to a case, oldest first; `internal` adds the notes.

    A step may end other matters with it: of those that this person may not see nothing is told.
    """
    events = db.session.scalars(
        select(Event)
        .where(or_(Event.stream == stream, Event.entity == stream))  # ended by another: also told
        .order_by(Event.id)
        .options(joinedload(Event.text))
    ).all()
    unseen = find_unseen({one.entity for one in events}, user)
    return read([one for one in events if one.entity not in unseen], internal=internal)


def find_unseen(refs: set[str], user: User) -> set[str]:
    """Return which of these are matters, or parts of matters, that a person may not see."""
    apart = visible_to(user).is_not(true())
    asked_of = organisations_as(user, Role.INSTITUTION, Role.PROVIDER)
    parts = select(Requirement.ref).join(Requirement.case).where(Requirement.ref.in_(refs), apart)
    return set(
        db.session.scalars(
            union_all(
                select(Case.ref).where(Case.ref.in_(refs), apart),
                parts.where(Requirement.institution_id.in_(asked_of).is_not(true())),
            )
        )
    )


def list_of_record(record: CreditRecord) -> list[Happening]:
    """Return what happened to a record and its measures, in whatever case, oldest first."""
    entities = [record.ref, *(one.ref for one in record.sanctions)]
    events = db.session.scalars(
        select(Event)
        .where(Event.entity.in_(entities))
        .order_by(Event.id)
        .options(joinedload(Event.text))
    ).all()
    return read(events, internal=False)


def find_question(requirement: Entity) -> str:
    """Return what another agency was asked for its view of; empty for any other requirement."""
    if not isinstance(requirement, Requirement) or requirement.workflow != "opinion":
        return ""
    asked = db.session.scalars(
        select(Event)
        .where(Event.entity == requirement.case.ref, Event.transition == "consult")
        .options(joinedload(Event.text))
    )
    return next(
        (
            one.texts.get("question", "")
            for one in read(asked.all(), internal=False)
            if one.facts["consulted_id"] == requirement.institution_id
        ),
        "",
    )


def list_latest(before: int | None = None) -> list[Happening]:
    """Return the newest events of all chains, newest first."""
    events = db.session.scalars(
        select(Event)
        .where(Event.id < before if before else true())
        .order_by(Event.id.desc())
        .limit(PAGE)
        .options(joinedload(Event.text))
    ).all()
    return read(events, internal=True)


def read(events: Sequence[Event], *, internal: bool) -> list[Happening]:
    """Return events with what they mean."""
    contents = [json.loads(event.payload) for event in events]
    names = organisation_names({one["actor"]["organisation"] for one in contents})
    return [
        describe(event, content, names, internal=internal)
        for event, content in zip(events, contents, strict=True)
    ]


def describe(
    event: Event, content: dict[str, Any], names: Mapping[str, str], *, internal: bool
) -> Happening:
    """Return one event with what it means."""
    workflow = workflow_of(content)
    texts = json.loads(event.text.body) if event.text and event.text.body else {}
    return Happening(
        event=event,
        at=event.at,
        workflow=workflow,
        transition=workflow.step_named(content["transition"]),
        role=content["actor"]["role"],
        organisation=names.get(content["actor"]["organisation"]),
        texts={name: text for name, text in texts.items() if internal or name not in INTERNAL},
        erased=event.text is not None and event.text.body is None,
        facts=content["facts"],
        evidence=content["evidence"],
    )


def workflow_of(content: Mapping[str, Any]) -> Workflow:
    """Return the workflow version that an event belongs to; the calendar stands for one.

    So do the organisations.
    """
    stands_for: dict[str, Workflow] = {
        calendar.STREAM: calendar.AS_WORKFLOW,
        organisations.STREAM: organisations.AS_WORKFLOW,
    }
    if content["workflow"] in stands_for:
        return stands_for[content["workflow"]]
    return current_policy().workflows[content["workflow"], content["workflow_version"]]


def organisation_names(codes: set[str | None]) -> dict[str, str]:
    """Return the names of organisations by code."""
    known = [code for code in codes if code]
    rows = db.session.execute(
        select(Organisation.uscc, Organisation.name).where(Organisation.uscc.in_(known))
    )
    return {uscc: name for uscc, name in rows if uscc}


def verify_all() -> tuple[int, ledger.Flaw | None]:
    """Check every chain, and what is on file against it: events read, and the first flaw."""
    count, flaw = ledger.verify(db.session())
    return count, flaw or find_bypassed()


def find_bypassed() -> ledger.Flaw | None:
    """Return the first entity whose state is not the one that its last event led to.

    Such a state was written past the workflow: by a bulk edit, or in the database itself.
    """
    for model in KINDS.values():
        last = select(func.max(Event.id)).where(Event.entity == model.ref).correlate(model)
        rows = db.session.execute(
            select(model.ref, model.state, Event.stream, Event.seq, Event.payload)
            .outerjoin(Event, Event.id == last.scalar_subquery())
            .order_by(model.id)
            .execution_options(yield_per=2000)
        )
        with rows:
            for row in rows:
                if row.payload is None or json.loads(row.payload)["to"] != row.state:
                    problem = N_("the state on file is not the one that it led to")
                    return ledger.Flaw(row.stream or row.ref, row.seq or 1, problem)
    return None
