"""What happened: the ledger, as people read it."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, joinedload

from repair_app import ledger
from repair_app.access import FILERS, organisations_as, visible_to
from repair_app.calendar import FIRST_DAY, LAST_DAY, SHANGHAI
from repair_app.db import db
from repair_app.engine.spec import Transition, Workflow
from repair_app.engine.step import Entity
from repair_app.labels import N_
from repair_app.ledger import texts_of
from repair_app.models import Case, CreditRecord, Event, Organisation, Requirement, Role, User
from repair_app.models.parties import OrganisationKind
from repair_app.name_index import fold
from repair_app.penalty_format.uscc import normalise_uscc
from repair_app.refs import as_written
from repair_app.services import agreement
from repair_app.services.cases import KINDS
from repair_app.services.office_book import BOOKS
from repair_app.services.policy import current_policy
from repair_app.services.tree import proving

PAGE = 50
DAY: Final = timedelta(days=1)
AGAIN: Final = frozenset({"sign_anew", "add_proof"})  # takes the place of what was said before
# Where an event says who acted, for SQLite and for PostgreSQL: values would match no index.
ACTOR: Final[ColumnElement[str]] = literal_column("'actor'")
IN_PAYLOAD: Final[Mapping[str, tuple[ColumnElement[str], ColumnElement[str]]]] = {
    "role": (literal_column("'$.actor.role'"), literal_column("'role'")),
    "organisation": (literal_column("'$.actor.organisation'"), literal_column("'organisation'")),
}
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


def list_happenings(
    stream: str, user: User, *, internal: bool, own: Collection[str] = ()
) -> list[Happening]:
    """Return what happened in and to a case, oldest first; `internal` adds the notes.

    own: the references of what this person is known to see, that the store is not asked again.
    A step may end other matters with it: of those that this person may not see nothing is told.
    """
    events = db.session.scalars(
        select(Event)
        .where(or_(Event.stream == stream, Event.entity == stream))  # ended by another: also told
        .order_by(Event.id)
        .options(joinedload(Event.text))
    ).all()
    others = {one.entity for one in events}.difference(own)
    unseen = find_unseen(others, user) if others else set()
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


def list_said(case: Case, user: User) -> Mapping[str, list[tuple[str, str]]]:
    """Return what the enterprise said about each part of its matter, by its reference, in order.

    Neither what others said of the same part, nor what is for the file only. What was said anew
    stands alone.
    """
    own = {case.ref, *(one.ref for one in case.requirements)}
    said: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in list_happenings(case.ref, user, internal=False, own=own):
        if one.role not in FILERS:
            continue
        if one.transition.name in AGAIN:
            said[one.event.entity].clear()
        said[one.event.entity] += one.texts.items()
    return said


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


@dataclass(frozen=True)
class Sought:
    """Which events are looked for; what is empty is not asked."""

    ref: str = ""  # of a chain, or of what an event is about
    workflow: str = ""
    step: str = ""
    role: str = ""
    organisation: str = ""  # a code, or part of a name
    since: date | None = None  # both days where the law counts them, and both inside
    until: date | None = None


def list_latest(before: int | None = None, sought: Sought | None = None) -> list[Happening]:
    """Return a page of the events of all chains that fit, newest first.

    before: the id the page before ended with.
    """
    last = db.session.get(Event, before) if before else None
    events = db.session.scalars(
        query_events(sought or Sought())
        .where(tuple_(Event.at, Event.id) < (last.at, last.id) if last else true())
        .limit(PAGE)
        .options(joinedload(Event.text))
    ).all()
    return read(events, internal=True)


def query_events(sought: Sought) -> Select[Event]:
    """Return the query for the events of all chains that fit, newest first: a walk of an index."""
    conditions = [one for one in conditions_of(sought) if one is not None]
    return select(Event).where(true(), *conditions).order_by(Event.at.desc(), Event.id.desc())


def list_changes(before: int | None = None) -> list[Happening]:
    """Return the newest events of the office books, and of no matter, newest first."""
    events = db.session.scalars(
        select(Event)
        .where(Event.stream.in_(BOOKS), Event.id < before if before else true())
        .order_by(Event.id.desc())
        .limit(PAGE)
        .options(joinedload(Event.text))
    ).all()
    return read(events, internal=False)


def list_of_book(book: Workflow) -> list[Happening]:
    """Return the newest events of one office book, newest first."""
    events = db.session.scalars(
        select(Event)
        .where(Event.stream == book.name)
        .order_by(Event.seq.desc())
        .limit(PAGE)
        .options(joinedload(Event.text))
    ).all()
    return read(events, internal=False)


def conditions_of(sought: Sought) -> Iterator[ColumnElement[bool] | None]:
    """Yield the SQL conditions for what is looked for; None for what is not asked."""
    ref = as_written(sought.ref)
    yield or_(Event.stream == ref, Event.entity == ref) if ref else None
    yield Event.workflow == sought.workflow if sought.workflow else None
    yield Event.transition == sought.step if sought.step else None
    yield actor_says("role") == sought.role if sought.role else None
    if sought.organisation:
        yield actor_says("organisation").in_(codes_of(sought.organisation))
    yield Event.at >= beginning_of(sought.since) if sought.since else None
    yield Event.at < beginning_of(sought.until) + DAY if sought.until else None


def actor_says(key: str) -> ColumnElement[str]:
    """Return what an event says of who acted, in SQL: word for word what migration 0006 indexed.

    key: one of IN_PAYLOAD.
    """
    path, name = IN_PAYLOAD[key]
    found: ColumnElement[str]
    if db.engine.dialect.name == "sqlite":
        found = func.json_extract(Event.payload, path, type_=Text)
    else:
        content = cast(Event.payload, JSONB)
        found = func.jsonb_extract_path_text(content, ACTOR, name, type_=Text)
    return found


def codes_of(text: str) -> list[str]:
    """Return the codes of the organisations that a text may mean: one, or those named so."""
    code = normalise_uscc(text)
    named = Organisation.search_name.contains(fold(text), autoescape=True)
    found = db.session.scalars(
        select(Organisation.uscc).where(named).order_by(Organisation.id).limit(PAGE)
    )
    return [code, *(one for one in found if one)]


def beginning_of(day: date) -> datetime:
    """Return the first moment of a day where the law counts its days; of the nearest there is."""
    return datetime.combine(min(max(day, FIRST_DAY), LAST_DAY), time(), SHANGHAI)


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
    texts = texts_of(event)
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


def list_with_page(streams: Collection[str], user: User) -> set[str]:
    """Return of some chains those whose matter or record this person may open."""
    seen = select(Case.ref).where(Case.ref.in_(streams), visible_to(user))
    records = select(CreditRecord.ref).where(CreditRecord.ref.in_(streams))
    return {*db.session.scalars(seen), *db.session.scalars(records)}


def workflow_of(content: Mapping[str, Any]) -> Workflow:
    """Return the workflow version that an event belongs to; an office book stands for one."""
    if content["workflow"] in BOOKS:
        return BOOKS[content["workflow"]]
    return current_policy().workflows[content["workflow"], content["workflow_version"]]


def organisation_names(codes: set[str | None]) -> dict[str, str]:
    """Return the names of organisations by code; those that the page has read are not asked."""
    read_already = (one for one in db.session.identity_map.values() if type(one) is Organisation)
    names = {one.uscc: one.name for one in read_already if one.uscc in codes}
    if unread := codes - names.keys() - {None}:
        rows = select(Organisation.uscc, Organisation.name).where(Organisation.uscc.in_(unread))
        names |= {row.uscc: row.name for row in db.session.execute(rows)}
    return {uscc: name for uscc, name in names.items() if uscc}


def find_natural_persons(events: Sequence[Event]) -> set[str]:
    """Return the names under which natural persons, and no office or firm, took these steps."""
    codes = {json.loads(one.payload)["actor"]["organisation"] for one in events} - {None}
    persons = select(Organisation.name).where(
        Organisation.uscc.in_(codes), Organisation.kind == OrganisationKind.NATURAL_PERSON
    )
    return set(db.session.scalars(persons))


def verify_all() -> tuple[int, ledger.Flaw | None]:
    """Check every chain, what is on file against it, and the tree: events read, the first flaw."""
    count, flaw = ledger.verify(db.session())
    return count, flaw or find_bypassed() or proving.find_flaw(db.session())


def query_last_events(model: type[Entity]) -> Select[str, str, str, int, str]:
    """Return the query for entities of a kind with the last event of each, in order of their ids.

    `+ 0`: or PostgreSQL, where it knows nothing of the tables yet (they were just restored), looks
    for the greatest id from the end of all events on, for each entity anew.
    """
    last = select(func.max(Event.id + 0)).where(Event.entity == model.ref).correlate(model)
    return (
        select(model.ref, model.state, Event.stream, Event.seq, Event.payload)
        .outerjoin(Event, Event.id == last.scalar_subquery())
        .order_by(model.id)
    )


def find_bypassed(session: Session | None = None) -> ledger.Flaw | None:
    """Return the first event with which what is on file does not agree.

    It was written past the workflow: by a bulk edit, or in the database itself. What can be told of
    it and what not: `services/agreement.py`.
    session: of the store to look at, where it is not the application's own.
    """
    session = session or db.session()
    return find_other_state(session) or agreement.find_disagreement(session)


def find_other_state(session: Session) -> ledger.Flaw | None:
    """Return the first entity whose state is not the one that its last event led to."""
    for model in KINDS.values():
        query = query_last_events(model).execution_options(yield_per=2000)
        with session.execute(query) as rows:
            for row in rows:
                if row.payload is None or json.loads(row.payload)["to"] != row.state:
                    problem = N_("the state on file is not the one that it led to")
                    return ledger.Flaw(row.stream or row.ref, row.seq or 1, problem)
    return None
