"""What other units let pass, as the unit above them reads it: to urge them, not to act for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, or_, select

from repair_app.access import CONFIDENTIAL, organisations_as, stands_as
from repair_app.db import db, today
from repair_app.engine.deadlines import is_overdue
from repair_app.models import Case, Deadline, Organisation, Role, User
from repair_app.services import inbox

MOST: Final = 50  # on a page, the longest overdue first


@dataclass(frozen=True)
class PassedOn:
    """A term that was let pass, of what, and by which unit.

    is_seen: whether the reader may open what it is about; else only its number is told.
    """

    turn: inbox.Turn
    late: str
    is_seen: bool


def list_passed_on(user: User, role: Role) -> list[PassedOn]:
    """Return the terms that were passed on to a person's units and still run.

    What a credit centre is to act on itself, because one below it was late, waits on its worklist.
    """
    if role is not Role.REVIEWER and not is_above_another(user, role):
        return []  # most are: they are not made to look through what is overdue
    rows = db.session.scalars(
        select(Deadline)
        .where(was_passed_on_to(user, role), is_overdue(today()), Deadline.whole.is_(False))
        .order_by(Deadline.due_on, Deadline.id)
        .limit(MOST)
        .options(*inbox.with_what_they_are_of())
    ).all()
    names = name_units(rows)
    return [
        PassedOn(one, names.get(one.term.organisation_id, ""), any(stands_as(user, one.entity)))
        for one in inbox.pair_with_entities(rows)
    ]


def is_above_another(user: User, role: Role) -> bool:
    """Say whether a person's units in a role have one below them."""
    below = exists().where(Organisation.superior_id.in_(organisations_as(user, role)))
    return bool(db.session.scalar(select(below)))


def was_passed_on_to(user: User, role: Role) -> ColumnElement[bool]:
    """Return the SQL condition for terms that were passed on to a person's units in a role."""
    own = Deadline.escalated_to_id.in_(organisations_as(user, role))
    if role is Role.REVIEWER:
        return and_(own, Deadline.owner != role.value)
    confidential = select(Case.id).where(Case.workflow.in_(CONFIDENTIAL))
    told = or_(Deadline.case_id.is_(None), Deadline.case_id.not_in(confidential))
    return and_(own, told)


def name_units(terms: Sequence[Deadline]) -> dict[int | None, str]:
    """Return the names of the units whose terms these are."""
    ids = {one.organisation_id for one in terms}
    named = select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids))
    return {row.id: row.name for row in db.session.execute(named)} if ids else {}
