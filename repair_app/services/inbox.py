"""Worklists: whose turn it is, the most urgent first."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import joinedload

from repair_app.access import CONFIDENTIAL, organisations_as, takes_side_in, visible_to
from repair_app.db import db, today
from repair_app.engine.deadlines import is_overdue
from repair_app.engine.step import record_of
from repair_app.models import Case, CreditRecord, Deadline, Requirement, Role, Sanction, User

PAGE = 25
COUNTED = 100  # more are shown as "100+": counting them all would not stay quick
POSITION = re.compile("([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9]{1,9})")  # due day and row of a term
WORKERS = (Role.REVIEWER, Role.PROVIDER, Role.DEPARTMENT, Role.INSTITUTION)


Entity = Case | Requirement | Sanction | CreditRecord


@dataclass(frozen=True)
class Turn:
    """A term that runs for somebody, with the matter or thing that it is about."""

    term: Deadline
    entity: Entity

    @property
    def case(self) -> Case | None:
        """Return the case, unless the term is a measure's or a record's."""
        return self.term.case

    @property
    def record(self) -> CreditRecord:
        """Return the record that it is all about."""
        return self.entity if isinstance(self.entity, CreditRecord) else record_of(self.entity)

    @property
    def kind(self) -> str:
        """Return what the term is of: a case, requirement, sanction or record."""
        return type(self.entity).__name__

    @property
    def is_for_a_stranger(self) -> bool:
        """Say whether who has to act does not see the case: an institution, a consulted agency."""
        return isinstance(self.entity, Requirement) and self.entity.institution_id is not None


@dataclass(frozen=True)
class Inbox:
    """A page of the terms that run for a role, how many there are, and where the next begins."""

    turns: Sequence[Turn]
    waiting: int
    overdue: int
    after: str | None


def list_turns(user: User, role: Role, after: str | None = None) -> Inbox:
    """Return what waits for a person in a role, by due day."""
    mine = waits_for(user, role)
    parties = (joinedload(Case.subject, innerjoin=True), joinedload(Case.provider, innerjoin=True))
    on_record = (joinedload(CreditRecord.subject), joinedload(CreditRecord.provider))
    rows = db.session.scalars(
        select(Deadline)
        .where(mine, comes_after(after))
        .order_by(Deadline.due_on, Deadline.id)
        .limit(PAGE + 1)
        .options(
            joinedload(Deadline.case).options(*parties),
            joinedload(Deadline.record).options(*on_record),
            joinedload(Deadline.escalated_to),
        )
    ).all()
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Inbox(
        turns=list(pair_with_entities(rows[:PAGE])),
        waiting=count(select(Deadline.id).where(mine)),
        overdue=count(select(Deadline.id).where(mine, is_overdue(today()))),
        after=f"{last.due_on.isoformat()}_{last.id}" if last else None,
    )


def pair_with_entities(terms: Sequence[Deadline]) -> Iterator[Turn]:
    """Yield each term with what it is about; requirements and measures are read together."""
    known: dict[str, Entity] = {}
    for term in terms:
        if term.case is not None:
            known[term.case.ref] = term.case
        if term.record is not None:
            known[term.record.ref] = term.record
    beside = [one for one in terms if one.entity_ref not in known]
    in_cases = [one.entity_ref for one in beside if one.case_id is not None]
    on_records = [one.entity_ref for one in beside if one.case_id is None]
    if in_cases:
        asked = select(Requirement).where(Requirement.ref.in_(in_cases))
        known |= {one.ref: one for one in db.session.scalars(asked)}
    if on_records:
        measures = select(Sanction).where(Sanction.ref.in_(on_records))
        shown = measures.options(joinedload(Sanction.measure))
        known |= {one.ref: one for one in db.session.scalars(shown)}
    for term in terms:
        if entity := known.get(term.entity_ref):
            yield Turn(term, entity)


def waits_for(user: User, role: Role) -> ColumnElement[bool]:
    """Return the SQL condition for running terms that a person in this role has to meet.

    Not those of whole matters: whose turn it is, the term of the state at hand says.
    """
    running = and_(
        Deadline.met_at.is_(None), Deadline.owner == role.value, Deadline.whole.is_(False)
    )
    mine = Deadline.organisation_id.in_(organisations_as(user, role))
    if role is Role.REVIEWER:  # what no centre was named for is everybody's
        passed_on = Deadline.escalated_to_id.in_(organisations_as(user, role))
        anybodys = or_(mine, Deadline.organisation_id.is_(None), passed_on)
        return and_(running, anybodys, ~is_kept_from(user))
    return and_(running, mine)


def is_kept_from(user: User) -> ColumnElement[bool]:
    """Return the SQL condition for the terms of what is confidential, where a person has a side."""
    return exists().where(
        Case.id == Deadline.case_id, Case.workflow.in_(CONFIDENTIAL), takes_side_in(user)
    )


def comes_after(position: str | None) -> ColumnElement[bool]:
    """Return the SQL condition for terms behind a position; without one, for all."""
    found = POSITION.fullmatch(position or "")
    try:
        due_on, last = date.fromisoformat(found[1] if found else ""), int(found[2] if found else 0)
    except ValueError:
        return true()
    return or_(Deadline.due_on > due_on, and_(Deadline.due_on == due_on, Deadline.id > last))


def count(query: Select[Any]) -> int:
    """Return how many rows there are, up to COUNTED + 1."""
    some = query.limit(COUNTED + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def list_requirements(user: User) -> Sequence[Requirement]:
    """Return the requirements that a person's institution was asked for, newest first."""
    own = organisations_as(user, Role.INSTITUTION)
    return db.session.scalars(
        select(Requirement)
        .where(Requirement.institution_id.in_(own))
        .order_by(Requirement.id.desc())
        .limit(100)
        .options(joinedload(Requirement.case).joinedload(Case.subject))
    ).all()


def list_cases(user: User, workflow: str, before: int | None) -> Sequence[Case]:
    """Return the cases that a person may see, newest first."""
    return db.session.scalars(
        select(Case)
        .where(visible_to(user))
        .where(Case.workflow == workflow if workflow else true())
        .where(Case.id < before if before else true())
        .order_by(Case.id.desc())
        .limit(PAGE)
        .options(joinedload(Case.subject), joinedload(Case.provider))
    ).all()
