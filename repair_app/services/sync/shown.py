"""Where a record is shown: how it stands with each platform, and whether all of them agree."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from repair_app.db import db, today
from repair_app.engine.spreading import is_waited_for
from repair_app.models import Change, CreditRecord, Obligation, Platform, PlatformStanding
from repair_app.models.platforms import OPEN
from repair_app.services.sync.changes import provider_of


class Place(NamedTuple):
    """A platform and a record: what is owed last, if anything, and whether it shows that."""

    platform: Platform
    obligation: Obligation | None
    agrees: bool
    late: bool


class Shown(NamedTuple):
    """Where a record is shown. since: from when all agree; None while some are waited for."""

    places: Sequence[Place]
    change: Change | None  # the newest; None: it was never handed out
    since: datetime | None

    @property
    def waiting(self) -> int:
        """Return how many platforms do not show the newest change yet."""
        return sum(not one.agrees for one in self.places)


def where_shown(record: CreditRecord) -> Shown:
    """Return where a record is shown. A matter about it is closed only when all agree."""
    newest = db.session.scalar(
        select(Change).where(Change.record_ref == record.ref).order_by(Change.id.desc()).limit(1)
    )
    if newest is None:
        return Shown((), None, None)
    owed = aliased(Obligation)
    last_of_each = (
        select(func.max(owed.id))
        .where(owed.record_ref == record.ref, owed.platform_id == Platform.id)
        .scalar_subquery()
    )
    waited_for = is_waited_for(record.ref, record.provider_id)
    query = (
        select(Platform, Obligation, waited_for)
        .outerjoin(Obligation, Obligation.id == last_of_each)
        .where(Platform.standing != PlatformStanding.DISABLED)
        .order_by(Platform.code)
    )
    platforms = cast(Iterable[tuple[Platform, Obligation | None, bool]], db.session.execute(query))
    places = [
        place_of(one, last, waits=waits)
        for one, last, waits in platforms
        if waits or (last is not None and provider_of(one) in {None, record.provider_id})
    ]
    agreed = [one.obligation.acknowledged_at for one in places if one.agrees and one.obligation]
    moments = [one for one in agreed if one is not None]
    complete = bool(places) and len(moments) == len(places)
    return Shown(places, newest, max(moments) if complete else None)


def place_of(platform: Platform, last: Obligation | None, *, waits: bool) -> Place:
    """Return how it stands with a platform: it agrees when it acknowledged the newest change.

    What it shows already says nothing of a newer change that is not in order yet, and not its day.
    """
    if waits and last is not None and last.standing not in OPEN:
        last = None
    late = last is not None and waits and last.due_on < today()
    return Place(platform, last, not waits, late)
