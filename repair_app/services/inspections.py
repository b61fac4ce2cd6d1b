"""Routine inspection (鲁信用办〔2021〕5号 （八）常态化巡查检查): drawn lists, what is suspicious.

The list of a week is drawn by a hash of its Monday and each reference, so that whoever has the same
data draws the same list, and nobody can choose what is looked at.
"""

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from repair_app.calendar import add_working_days
from repair_app.db import db, now, today
from repair_app.engine.days import read_table
from repair_app.engine.flaws import IN_ORDER, KINDS, Flaw
from repair_app.engine.step import record_of
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    Deadline,
    DisputeMark,
    Document,
    Event,
    InspectionItem,
    Organisation,
    Role,
    Sanction,
    SanctionSuspension,
    User,
)
from repair_app.services import cases, scans
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

DRAWN: Final = 10  # of the records, and of the cases, each week
SILENT_DAYS: Final = 10  # calendar days after the term in which nothing happened
SHOWN: Final = 50
RECENT: Final = 20_000  # cases that are searched for what is suspicious, the newest
BATCH: Final = 5000  # references that are read at a time
CLOCK: Final = "inspection"


class NotDrawn(Exception):
    """There is no such item in an inspection list, or it was looked at already."""


# --- the list of a week ---


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def draw_list(count: int = DRAWN) -> int:
    """Draw the list of this week, once; return how many items it has.

    count: of the records on file, and of the cases that were open since the week before.
    """
    week = monday_of(today())
    if there := count_items(week):
        return there
    # All references are read and hashed here, where nobody waits for it to write.
    drawn = (*draw(week, record_refs(), count), *draw(week, case_refs(week), count))
    due = add_working_days(today(), working_days(), read_table(db.session())).due_on
    with transaction() as session:
        if there := count_items(week):  # another worker was faster
            return there
        session.add_all(InspectionItem(week=week, entity_ref=ref, due_on=due) for ref in drawn)
    return len(drawn)


def count_items(week: date) -> int:
    """Return how many items the list of a week has; none before it is drawn."""
    query = select(func.count()).select_from(InspectionItem).where(InspectionItem.week == week)
    return db.session.scalar(query) or 0


def working_days() -> int:
    """Return how long an inspection may take, by the rules of today."""
    pack = current_policy().pack_for("supervision", decided_on=today(), applied_on=today())
    return pack.clocks[CLOCK].working_days


def draw(week: date, refs: Iterable[str], count: int) -> list[str]:
    """Return the `count` references that come first by their hash with the week."""
    return heapq.nsmallest(count, refs, key=lambda ref: lot_of(week, ref))


def lot_of(week: date, ref: str) -> str:
    """Return the lot of a reference in a week."""
    return hashlib.sha256(f"{week.isoformat()} {ref}".encode()).hexdigest()


def record_refs() -> Iterable[str]:
    """Return the references of the records on file, in bounded memory."""
    return db.session.scalars(
        select(CreditRecord.ref)
        .where(CreditRecord.archived_at.is_(None))
        .execution_options(yield_per=BATCH)
    )


def case_refs(week: date) -> Iterable[str]:
    """Return the references of the cases that are open, or ended in the week before or since."""
    since = now() - timedelta(days=(today() - week).days + 7)
    return db.session.scalars(
        select(Case.ref)
        .where(
            Case.submitted_at.is_not(None), or_(Case.closed_at.is_(None), Case.closed_at >= since)
        )
        .execution_options(yield_per=BATCH)
    )


def list_items(week: date | None = None) -> Sequence[InspectionItem]:
    """Return the list of a week (this one), those not looked at first."""
    return db.session.scalars(
        select(InspectionItem)
        .where(InspectionItem.week == (week or monday_of(today())))
        .order_by(InspectionItem.looked_at.is_not(None), InspectionItem.entity_ref)
        .options(selectinload(InspectionItem.case), joinedload(InspectionItem.looked_by))
    ).all()


def mark_item(item_id: int, user: User, result: str, note: str) -> Case | None:
    """Note what an inspector found; a finding opens a self-correction, which is returned.

    result: IN_ORDER, or a kind of flaw. Raises NotDrawn for an item that is none or was looked at.
    """
    ref = db.session.scalar(select(InspectionItem.entity_ref).where(InspectionItem.id == item_id))
    if ref is None or result not in {IN_ORDER, *KINDS}:
        raise NotDrawn(str(item_id))
    with transaction() as session:
        kind = "records" if ref.startswith(current_policy().current["record"].prefix) else "cases"
        entity = cases.lock(session, kind, ref)
        item = session.get(InspectionItem, item_id, populate_existing=True, with_for_update=True)
        if item is None or item.looked_at is not None:
            raise NotDrawn(str(item_id))
        item.looked_at, item.looked_by_id = now(), user.id
        item.result, item.note = result, note or None
        if result != IN_ORDER:
            record = record_of(entity)
            flaw = Flaw(result, {"inspection": item.week.isoformat(), "of": ref})
            item.case = scans.open_case(session, record, flaw)
        session.flush()
        return item.case


# --- what is suspicious ---


@dataclass(frozen=True)
class Silent:
    """A provider that has let terms pass and answered none."""

    provider: Organisation
    waiting: int
    since: date


def list_stuck() -> Sequence[Deadline]:
    """Return the running terms that ended SILENT_DAYS ago and in whose matter nothing happened."""
    long_ago = now() - timedelta(days=SILENT_DAYS)
    stirred = exists().where(Event.entity == Deadline.entity_ref, Event.at >= long_ago)
    return db.session.scalars(
        select(Deadline)
        .where(
            Deadline.met_at.is_(None),
            Deadline.whole.is_(False),
            Deadline.paused_on.is_(None),
            Deadline.owner != Role.SYSTEM.value,
            Deadline.due_on < today() - timedelta(days=SILENT_DAYS),
            ~stirred,
        )
        .order_by(Deadline.due_on)
        .limit(SHOWN)
        .options(selectinload(Deadline.case))
    ).all()


def list_silent_providers() -> list[Silent]:
    """Return the providers with terms over and none met in the last year, the slowest first."""
    theirs = and_(
        Deadline.owner == Role.PROVIDER.value,
        Deadline.whole.is_(False),
        Deadline.organisation_id.is_not(None),
    )
    # Two walks over the terms, however many providers there are: who answered, who is late.
    answered = select(Deadline.organisation_id).where(
        theirs, Deadline.met_at >= now() - timedelta(days=365)
    )
    late = (
        select(
            Deadline.organisation_id.label("provider"),
            func.count().label("waiting"),
            func.min(Deadline.due_on).label("since"),
        )
        .where(theirs, Deadline.met_at.is_(None), Deadline.due_on < today())
        .where(Deadline.organisation_id.not_in(answered))
        .group_by(Deadline.organisation_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Organisation, late.c.waiting, late.c.since)
        .join(late, late.c.provider == Organisation.id)
        .order_by(late.c.since, Organisation.id)
        .limit(SHOWN)
    )
    return [Silent(*row) for row in rows]


def list_refused_unverified() -> Sequence[Case]:
    """Return the cases refused although evidence lay with them and nobody was asked to verify.

    The newest RECENT cases of all are searched, however many are on file.
    """
    recent = Case.id > select(func.coalesce(func.max(Case.id), 0) - RECENT).scalar_subquery()
    has_evidence = exists().where(Document.case_id == Case.id)
    was_verified = exists().where(Event.entity == Case.ref, Event.transition == "ask_provider")
    return list_cases(recent, Case.refusal_code.is_not(None), has_evidence, ~was_verified)


def list_one_person_on_both_sides() -> Sequence[Case]:
    """Return the cases in which who verified or decided also acts, or acted, for the subject."""
    # Few people have, or had, a seat on either side: their firms' cases are found by the index.
    side = Appointment.role.in_((Role.SUBJECT, Role.AGENT))
    seats = select(User.person_id, Appointment.organisation_id).join(Appointment.user)
    officials = seats.where(~side).subquery()
    both = (
        seats.where(side, User.person_id.in_(select(officials.c.person_id))).distinct().subquery()
    )
    acted = select(Case.id).join(
        both,
        and_(
            Case.subject_id == both.c.organisation_id,
            or_(
                Case.verified_by_id == both.c.person_id,
                Case.decided_by_id == both.c.person_id,
                Case.signed_by_id == both.c.person_id,
            ),
        ),
    )
    return list_cases(Case.id.in_(acted))


def list_cases(*conditions: ColumnElement[bool]) -> Sequence[Case]:
    """Return cases, newest first."""
    return db.session.scalars(
        select(Case)
        .where(*conditions)
        .order_by(Case.id.desc())
        .limit(SHOWN)
        .options(joinedload(Case.subject), joinedload(Case.provider))
    ).all()


def list_longest_suspended() -> Sequence[SanctionSuspension]:
    """Return the suspensions that have stood longest."""
    return db.session.scalars(
        select(SanctionSuspension)
        .where(SanctionSuspension.lifted_at.is_(None))
        .order_by(SanctionSuspension.suspended_at)
        .limit(SHOWN)
        .options(selectinload(SanctionSuspension.sanction).joinedload(Sanction.department))
    ).all()


def list_holds_without_timer() -> list[tuple[str, str, datetime]]:
    """Return the holds that nothing is going to end: case, what is held, since when.

    A suspension or a mark stands, and its case has ended or has no term that runs.
    """
    timed = exists().where(Deadline.case_id == Case.id, Deadline.met_at.is_(None))
    forgotten = or_(Case.closed_at.is_not(None), ~timed)
    held: list[tuple[str, str, datetime]] = []
    suspended: Any = (
        select(Case.ref, Sanction.ref, SanctionSuspension.suspended_at)
        .join(SanctionSuspension, SanctionSuspension.case_id == Case.id)
        .join(Sanction, Sanction.id == SanctionSuspension.sanction_id)
        .where(SanctionSuspension.lifted_at.is_(None))
    )
    marked: Any = (
        select(Case.ref, CreditRecord.ref, DisputeMark.placed_at)
        .join(DisputeMark, DisputeMark.case_id == Case.id)
        .join(CreditRecord, CreditRecord.id == DisputeMark.record_id)
        .where(DisputeMark.lifted_at.is_(None))
    )
    for query in (suspended, marked):
        rows = db.session.execute(query.where(and_(forgotten)).limit(SHOWN))
        held += [(case, entity, since) for case, entity, since in rows]
    return sorted(held, key=lambda one: one[2])
