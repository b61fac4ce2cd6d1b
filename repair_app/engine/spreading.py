"""Which platforms do not show yet what was decided last about a record.

One condition in SQL, which the guard, the pages and the worker ask alike (docs/adr/0017).
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from repair_app.models import (
    Change,
    CreditRecord,
    Obligation,
    Owed,
    Platform,
    PlatformKind,
    PlatformStanding,
)
from repair_app.models.platforms import OPEN


def is_waited_for(ref: Any, provider_id: Any) -> ColumnElement[bool]:
    """Return the SQL condition for platforms that a record still waits for.

    ref, provider_id: of the record; values, or columns of `CreditRecord` in the query around it.
    A platform agrees when it acknowledged the newest change; a change that was committed and is not
    in order yet is owed to all, so that nobody agrees before it is. Who was never told of a record
    and need not show it is not waited for, nor who is disabled. One that gets the record no more
    is, until it shows its removal.
    """
    change, last = aliased(Change), aliased(Obligation)
    newest = inside(select(func.max(Change.id)).where(Change.record_ref == ref))
    own = and_(Obligation.record_ref == ref, Obligation.platform_id == Platform.id)
    told = inside(select(func.max(Obligation.id)).where(own))
    shows = exists().where(
        last.id == told, last.change_id == newest, last.standing == Owed.ACKNOWLEDGED
    )
    to_tell = exists().where(change.id == newest, or_(change.shown, change.position.is_(None)))
    is_open = exists().where(own, Obligation.standing.in_(OPEN))
    gets_it = or_(
        Platform.kind != PlatformKind.SOURCE_AGENCY, Platform.organisation_id == provider_id
    )
    return and_(
        Platform.standing != PlatformStanding.DISABLED,
        or_(
            is_open.correlate(Platform, CreditRecord),
            and_(
                gets_it,
                ~shows.correlate(Platform, CreditRecord),
                or_(told.is_not(None), to_tell.correlate(Platform, CreditRecord)),
            ),
        ),
    )


def inside(query: Any) -> Any:
    """Return a query as a value, about the platform and the record of the query around it."""
    return query.correlate(Platform, CreditRecord).scalar_subquery()
