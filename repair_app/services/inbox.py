"""Worklists: whose turn it is, the most urgent first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import joinedload

from repair_app.access import organisations_as, visible_to
from repair_app.db import db, today
from repair_app.models import Case, Deadline, Requirement, Role, User

PAGE = 25
COUNTED = 100  # more are shown as "100+": counting them all would not stay quick
POSITION = re.compile("([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9]{1,9})")  # due day and row of a term
WORKERS = (Role.REVIEWER, Role.PROVIDER, Role.INSTITUTION)


@dataclass(frozen=True)
class Inbox:
    """A page of the terms that run for a role, how many there are, and where the next begins."""

    terms: Sequence[Deadline]
    waiting: int
    overdue: int
    after: str | None


def list_turns(user: User, role: Role, after: str | None = None) -> Inbox:
    """Return what waits for a person in a role, by due day."""
    mine = waits_for(user, role)
    rows = db.session.scalars(
        select(Deadline)
        .where(mine, comes_after(after))
        .order_by(Deadline.due_on, Deadline.id)
        .limit(PAGE + 1)
        .options(
            joinedload(Deadline.case, innerjoin=True).options(
                joinedload(Case.subject, innerjoin=True), joinedload(Case.provider, innerjoin=True)
            )
        )
    ).all()
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Inbox(
        terms=rows[:PAGE],
        waiting=count(select(Deadline.id).where(mine)),
        overdue=count(select(Deadline.id).where(mine, Deadline.due_on < today())),
        after=f"{last.due_on.isoformat()}_{last.id}" if last else None,
    )


def waits_for(user: User, role: Role) -> ColumnElement[bool]:
    """Return the SQL condition for running terms that a person in this role has to meet."""
    running = and_(Deadline.met_at.is_(None), Deadline.owner == role.value)
    if role is Role.REVIEWER:
        return running
    return and_(running, Deadline.organisation_id.in_(organisations_as(user, role)))


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
