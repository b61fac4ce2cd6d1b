"""Credit records as the public, their subjects and their providers read them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from sqlalchemy import ColumnElement, and_, select, tuple_
from sqlalchemy.orm import joinedload, selectinload

from repair_app.access import (
    IN_OWN_NAME,
    OwnName,
    records_concerning,
    stands_as,
)
from repair_app.db import db, today
from repair_app.engine.enforcement import in_publication_term
from repair_app.engine.flaws import bars_publication
from repair_app.engine.rules import SeverityClass
from repair_app.masking import PublicView, public_view
from repair_app.models import (
    Case,
    CreditRecord,
    DisputeMark,
    Organisation,
    Role,
    Sanction,
    User,
)
from repair_app.models.parties import OrganisationKind
from repair_app.services.cases import NotVisible, find_place
from repair_app.services.policy import current_policy

PAGE = 20
OPENED = ("objection", "repair")


def is_public() -> ColumnElement[bool]:
    """Return the SQL condition for what the public may see, whatever a scan has found so far.

    Published, in its term, of a class that is published, and not about a natural person
    (鲁信用办〔2021〕5号 （七）（八）). What only the rules can tell, `shown_to_public` adds.
    Each part asks about the row alone, so that a list is as quick as what it shows is long.
    """
    return and_(is_in_its_term(), is_for_the_public())


def is_in_its_term() -> ColumnElement[bool]:
    """Return the SQL condition for a record that is published and whose term is not over."""
    return and_(CreditRecord.state == "published", CreditRecord.max_publication_until >= today())


def is_for_the_public() -> ColumnElement[bool]:
    """Return the SQL condition for a record that nothing else keeps from the public."""
    return is_of_class_for_the_public(tuple(published_classes()))


@lru_cache(maxsize=8)
def is_of_class_for_the_public(classes: tuple[tuple[str, str, str], ...]) -> ColumnElement[bool]:
    """Return the same for the classes that are published.

    Written once: to put it together anew takes as long as to read a page of what it finds.
    """
    own_class = (CreditRecord.rule_pack, CreditRecord.rule_pack_hash, CreditRecord.severity_class)
    return and_(
        tuple_(*own_class).in_(classes),
        ~is_of_natural_person(),
        ~is_hidden_while_verified(),
    )


def is_of_natural_person() -> ColumnElement[bool]:
    """Return the SQL condition for a record about a natural person."""
    return CreditRecord.subject.has(Organisation.kind == OrganisationKind.NATURAL_PERSON)


def is_hidden_while_verified() -> ColumnElement[bool]:
    """Return the SQL condition for a record that is not shown while it is verified (台州 13)."""
    return CreditRecord.dispute_marks.any(and_(DisputeMark.hides, DisputeMark.lifted_at.is_(None)))


def published_classes() -> list[tuple[str, str, str]]:
    """Return the classes that are published: rule pack, its content hash, class."""
    return [
        (pack.id, pack.sha256, one.name)
        for pack in current_policy().editions.values()
        for one in pack.classes.values()
        if one.published
    ]


def shown_to_public(record: CreditRecord) -> bool:
    """Say whether the public may see one record: the last word, also after `is_public`."""
    if record.state != "published" or not in_publication_term(record, today()):
        return False
    if any(mark.hides and mark.lifted_at is None for mark in record.dispute_marks):
        return False
    return not bars_publication(record, current_policy().pack_of(record), today())


def stays_unverified(record: CreditRecord) -> bool:
    """Say whether a record could last not be verified, and by the rules stays with a note of it."""
    last = db.session.scalar(
        select(Case)
        .where(Case.record_id == record.id, Case.workflow == "objection", Case.outcome.is_not(None))
        .order_by(Case.id.desc())
        .limit(1)
    )
    return last is not None and (last.state, last.outcome) == ("rejected", "UNVERIFIED")


def as_read_by(record: CreditRecord, roles: Collection[Role]) -> CreditRecord | PublicView:
    """Return a record whole for those it concerns, else as the public may read it."""
    return record if roles else public_view(record)


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
        if isinstance(seat, OwnName):
            found |= set(IN_OWN_NAME)
        elif seat.role == Role.SUBJECT:
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


@dataclass(frozen=True)
class Period:
    """The term of publication as a line from 0 to 100: where its days stand on it."""

    minimum: int | None  # where the minimum publication ends, if there is one
    now: int


def period_of(record: CreditRecord) -> Period:
    """Return a record's term of publication from the decision to its last day."""
    first, last = record.decided_on, record.max_publication_until
    whole = max((last - first).days, 1)

    def place(day: date) -> int:
        return min(max(100 * (day - first).days // whole, 0), 100)

    least = record.min_publication_until
    return Period(place(least) if least else None, place(today()))


def first_day_of_repair(record: CreditRecord) -> date | None:
    """Return the day after the minimum publication, or None without a minimum."""
    last = record.min_publication_until
    return last + timedelta(days=1) if last else None


def get_record(ref: str, user: User | None) -> CreditRecord:
    """Return a record that is public, or concerns this person. Raises NotVisible."""
    found = db.session.scalars(
        select(CreditRecord)
        .where(CreditRecord.ref == ref)
        .options(
            joinedload(CreditRecord.subject),
            joinedload(CreditRecord.provider),
            joinedload(CreditRecord.dispute_marks),  # few: one query with the record itself
            selectinload(CreditRecord.sanctions).options(
                joinedload(Sanction.suspensions),
                joinedload(Sanction.executions),
                joinedload(Sanction.person),
                joinedload(Sanction.department),
            ),
        )
    )
    record = found.unique().one_or_none()
    if record is None:
        raise NotVisible(ref)
    if shown_to_public(record) or (user and any(stands_as(user, record))):
        return record
    raise NotVisible(ref)


def list_page(
    user: User, *, after: str, limit: int, uscc: str = "", state: str = "", decision_no: str = ""
) -> Sequence[CreditRecord]:
    """Return some of the records that concern a person, the newest first.

    after: the reference of the record that the part before ended with; empty for the first.
    Raises NoSuchPlace.
    """
    wanted = select(CreditRecord).where(records_concerning(user))
    if after:
        wanted = wanted.where(CreditRecord.id < find_place(wanted, CreditRecord, after))
    if uscc:
        firm = select(Organisation.id).where(Organisation.uscc == uscc)
        wanted = wanted.where(CreditRecord.subject_id.in_(firm))
    if state:
        wanted = wanted.where(CreditRecord.state == state)
    if decision_no:
        wanted = wanted.where(CreditRecord.decision_no == decision_no)
    newest = wanted.order_by(CreditRecord.id.desc()).limit(limit)
    return db.session.scalars(
        newest.options(
            joinedload(CreditRecord.subject),
            joinedload(CreditRecord.provider),
            selectinload(CreditRecord.dispute_marks),
        )
    ).all()


def get_public(ref: str) -> CreditRecord:
    """Return a record that the public may see. Raises NotVisible."""
    return get_record(ref, None)
