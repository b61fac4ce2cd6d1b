"""What happened: the ledger, as people read it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, true
from sqlalchemy.orm import joinedload

from repair_app import ledger
from repair_app.db import db
from repair_app.engine.spec import Transition, Workflow
from repair_app.models import CreditRecord, Event, Organisation
from repair_app.services.policy import current_policy

PAGE = 50
INTERNAL = frozenset({"note"})  # texts for the file only: the subject does not read them


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


def list_happenings(stream: str, *, internal: bool) -> list[Happening]:
    """Return what happened in and to a case, oldest first; `internal` adds the notes."""
    events = db.session.scalars(
        select(Event)
        .where(or_(Event.stream == stream, Event.entity == stream))  # ended by another: also told
        .order_by(Event.id)
        .options(joinedload(Event.text))
    ).all()
    return read(events, internal=internal)


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
    workflow = current_policy().workflows[content["workflow"], content["workflow_version"]]
    texts = json.loads(event.text.body) if event.text and event.text.body else {}
    return Happening(
        event=event,
        at=event.at,
        workflow=workflow,
        transition=workflow.transitions[content["transition"]],
        role=content["actor"]["role"],
        organisation=names.get(content["actor"]["organisation"]),
        texts={name: text for name, text in texts.items() if internal or name not in INTERNAL},
        erased=event.text is not None and event.text.body is None,
        facts=content["facts"],
        evidence=content["evidence"],
    )


def organisation_names(codes: set[str | None]) -> dict[str, str]:
    """Return the names of organisations by code."""
    known = [code for code in codes if code]
    rows = db.session.execute(
        select(Organisation.uscc, Organisation.name).where(Organisation.uscc.in_(known))
    )
    return {uscc: name for uscc, name in rows if uscc}


def verify_all() -> tuple[int, ledger.Flaw | None]:
    """Check every chain: how many events were read, and the first flaw."""
    return ledger.verify(db.session())
