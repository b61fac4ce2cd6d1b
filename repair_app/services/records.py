"""Credit records as the public, their subjects and their providers read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, and_, select, true
from sqlalchemy.orm import joinedload, selectinload

from repair_app.access import organisations_as, stands_as, visible_to
from repair_app.db import db, today
from repair_app.engine.enforcement import in_publication_term
from repair_app.engine.rules import SeverityClass
from repair_app.models import Case, CreditRecord, Organisation, Requirement, Role, Sanction, User
from repair_app.penalty_format import is_uscc, normalise_uscc
from repair_app.services.cases import NotVisible
from repair_app.services.policy import current_policy

PAGE = 20
LONGEST_QUERY = 100
OPENED = ("objection", "repair")


@dataclass(frozen=True)
class Found:
    """A page of records, and where the next one begins."""

    records: Sequence[CreditRecord]
    after: int | None = None


def is_public() -> ColumnElement[bool]:
    """Return the SQL condition for what the public may see: published, and in its term."""
    return and_(CreditRecord.state == "published", CreditRecord.max_publication_until >= today())


def shown_to_public(record: CreditRecord) -> bool:
    """Say the same of one record."""
    return record.state == "published" and today() <= record.max_publication_until


def search_public(query: str, before: int | None = None) -> Found:
    """Return the published records of the enterprises that a name or code matches, newest first.

    query: part of a name (any number of characters) or a whole USCC, in any case.
    """
    wanted = query.strip()[:LONGEST_QUERY]
    if not wanted:
        return Found(())
    rows = db.session.scalars(
        select(CreditRecord)
        .where(is_public(), CreditRecord.subject_id.in_(named(wanted)))
        .where(CreditRecord.id < before if before else true())
        .order_by(CreditRecord.id.desc())
        .limit(PAGE + 1)
        .options(
            joinedload(CreditRecord.subject, innerjoin=True),
            joinedload(CreditRecord.provider, innerjoin=True),
            selectinload(CreditRecord.dispute_marks),
        )
    ).all()
    return Found(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None)


def named(wanted: str) -> Select[int]:
    """Return the query for the organisations that a text names: a whole code, or part of a name."""
    ids = select(Organisation.id)
    if is_uscc(normalise_uscc(wanted)):
        return ids.where(Organisation.uscc == normalise_uscc(wanted))
    return ids.where(Organisation.name.contains(wanted, autoescape=True))


def list_own(user: User) -> Sequence[CreditRecord]:
    """Return the records of the organisations that a person files for, current ones first."""
    own = organisations_as(user, Role.SUBJECT, Role.AGENT)
    return db.session.scalars(
        select(CreditRecord)
        .where(CreditRecord.subject_id.in_(own))
        .order_by(CreditRecord.archived_at.is_not(None), CreditRecord.decided_on.desc())
        .limit(200)
        .options(
            joinedload(CreditRecord.subject),
            joinedload(CreditRecord.provider),
            selectinload(CreditRecord.dispute_marks),
            selectinload(CreditRecord.sanctions).selectinload(Sanction.suspensions),
        )
    ).all()


def list_own_cases(user: User) -> Sequence[Case]:
    """Return the cases of the organisations that a person files for, newest first."""
    own = organisations_as(user, Role.SUBJECT, Role.AGENT)
    return db.session.scalars(
        select(Case)
        .where(Case.subject_id.in_(own), visible_to(user))
        .order_by(Case.closed_at.is_not(None), Case.id.desc())
        .limit(200)
        .options(selectinload(Case.requirements), selectinload(Case.deadlines))
    ).all()


def list_commitments(before: int | None = None) -> Sequence[Requirement]:
    """Return the published commitments, newest first (…一（四）：向社会公开).

    They name the decision, so they leave the public site with the record.
    """
    return db.session.scalars(
        select(Requirement)
        .where(Requirement.published_at.is_not(None))
        .where(Requirement.case.has(Case.record.has(is_public())))
        .where(Requirement.id < before if before else true())
        .order_by(Requirement.id.desc())
        .limit(PAGE)
        .options(joinedload(Requirement.case).joinedload(Case.subject))
    ).all()


@dataclass(frozen=True)
class Prospect:
    """A record with what its rule pack says can be done about it."""

    record: CreditRecord
    severity: SeverityClass
    is_live: bool
    repair_from: date | None  # the first day; None when it is not repaired, or has no minimum

    @property
    def repairable_now(self) -> bool:
        """Say whether a repair can be applied for today."""
        return (
            self.is_live
            and self.severity.repairable
            and (self.repair_from is None or self.repair_from <= today())
        )


def workflows_of(user: User, record: CreditRecord) -> set[str]:
    """Return which kinds of case a person may open about a record, for its subject."""
    found: set[str] = set()
    for seat in stands_as(user, record):
        if seat.role == Role.SUBJECT:
            found |= set(OPENED)
        elif seat.role == Role.AGENT:
            found |= set(seat.scope or ())
    return found


def describe(record: CreditRecord) -> Prospect:
    """Return a record with what can be done about it, by the rule pack it is kept under."""
    policy = current_policy()
    severity = policy.pack_of(record).classes[record.severity_class]
    return Prospect(
        record=record,
        severity=severity,
        is_live=policy.workflow_of(record).states[record.state].live
        and in_publication_term(record, today()),
        repair_from=first_day_of_repair(record) if severity.repairable else None,
    )


def first_day_of_repair(record: CreditRecord) -> date | None:
    """Return the day after the minimum publication, or None without a minimum."""
    last = record.min_publication_until
    return last + timedelta(days=1) if last else None


def get_record(ref: str, user: User | None) -> CreditRecord:
    """Return a record that is public, or concerns this person. Raises NotVisible."""
    record = db.session.scalar(
        select(CreditRecord)
        .where(CreditRecord.ref == ref)
        .options(
            joinedload(CreditRecord.subject),
            joinedload(CreditRecord.provider),
            selectinload(CreditRecord.dispute_marks),
            selectinload(CreditRecord.sanctions).options(
                selectinload(Sanction.suspensions), joinedload(Sanction.department)
            ),
        )
    )
    if record is None:
        raise NotVisible(ref)
    if shown_to_public(record) or (user and any(stands_as(user, record))):
        return record
    raise NotVisible(ref)
