"""Who asked the enforcement gate: for auditors each question, for an enterprise which offices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from repair_app.access import organisations_as
from repair_app.calendar import local_date
from repair_app.db import db
from repair_app.models import Enquiry, Event, Organisation, Role, User

PAGE: Final = 50
MOST_LOOKED_THROUGH: Final = 1_000  # questions, for the offices that asked them
STATES: Final = MappingProxyType(  # code of a verdict (engine/enforcement.py) -> what it is called
    {
        "enforceable": _l("May be enforced"),
        "suspended": _l("Suspended: the record is verified"),
        "shielded": _l("Record shielded"),
        "record_ended": _l("Record ended"),
        "ended": _l("Measure ended"),
        "not_accepted": _l("Not accepted yet"),
        "declined": _l("Declined"),
        "not_listed": _l("Off the catalogue"),
        "not_for_class": _l("Not for records of this class"),
        "outside_term": _l("Outside its term"),
        "not_imposed": _l("Not imposed"),
        "enterprise_not_known": _l("Enterprise not on file"),
        "measure_not_known": _l("No such measure"),
    }
)


@dataclass(frozen=True)
class Asked:
    """A question with what its line shows."""

    enquiry: Enquiry
    department: str | None
    enterprise: str | None
    event: Event | None


@dataclass(frozen=True)
class OfficeAsked:
    """That an office asked about an enterprise on a day, and how often."""

    day: date
    at: datetime
    office: str
    times: int


def list_latest(before: int | None = None, uscc: str = "") -> list[Asked]:
    """Return a page and one more of the questions, the newest first.

    uscc: only those about this enterprise, or asked by this department.
    """
    department, enterprise = aliased(Organisation), aliased(Organisation)
    query = (
        select(Enquiry, department.name, enterprise.name, Event)
        .outerjoin(department, department.id == Enquiry.organisation_id)
        .outerjoin(enterprise, enterprise.uscc == Enquiry.uscc)
        .outerjoin(Event, Event.id == Enquiry.event_id)
    )
    if before is not None:
        query = query.where(Enquiry.id < before)
    if uscc:
        asking = select(Organisation.id).where(Organisation.uscc == uscc).scalar_subquery()
        query = query.where(or_(Enquiry.uscc == uscc, Enquiry.organisation_id == asking))
    rows = db.session.execute(query.order_by(Enquiry.id.desc()).limit(PAGE + 1))
    return [Asked(*row) for row in rows]


def list_offices(user: User) -> Sequence[OfficeAsked]:
    """Return which offices asked about a person's enterprises, the latest days first.

    As with looks (ADR 13) only who represents the enterprise reads it; neither what it was for, nor
    which measure was asked about: what an office considers is not told before it is done.
    """
    own = select(Organisation.uscc).where(Organisation.id.in_(organisations_as(user, Role.SUBJECT)))
    rows = db.session.execute(
        select(Enquiry.at, Organisation.name)
        .join(Organisation, Organisation.id == Enquiry.organisation_id)
        .where(Enquiry.uscc.in_(own))
        .order_by(Enquiry.id.desc())
        .limit(MOST_LOOKED_THROUGH)
    )
    found: dict[tuple[date, str], list[datetime]] = {}
    for at, office in rows:
        found.setdefault((local_date(at), office), []).append(at)
    return [
        OfficeAsked(day, moments[-1], office, len(moments))
        for (day, office), moments in list(found.items())[:PAGE]
    ]
