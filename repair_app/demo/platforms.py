"""Two platforms of the demonstration: a city site that shows everything, a late province."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from repair_app.db import at, db, now
from repair_app.demo import cast
from repair_app.models import Case, CreditRecord, Delivery, Obligation, Platform, PlatformKind
from repair_app.services import people, platforms
from repair_app.services.platforms import Terms
from repair_app.services.sync import changes, pull, standing

CONNECTED: Final = timedelta(days=14)  # ago


def add_platforms() -> None:
    """Connect the platforms once, and have them say what they show."""
    if standing.list_all():
        return
    while changes.take_in():
        pass
    changes.order_changes()
    centre = people.get_organisation(db.session(), cast.UNITS["centre"].uscc)
    city = Terms(
        name_zh="信用云泽（示例）",
        name_en="Credit Yunze (example)",
        kind=PlatformKind.CITY,
        delivery=Delivery.PULL,
        owner_email="site@redress.example",
        organisation_id=centre.id,
    )
    province = Terms(
        name_zh="信用省站（示例）",
        name_en="Provincial site (example)",
        kind=PlatformKind.PROVINCIAL,
        delivery=Delivery.FILE,
        owner_email="province@redress.example",
    )
    with at(now() - CONNECTED):
        platforms.add(None, "yunze", city)
        platforms.add(None, "province", province)
    acknowledge("yunze", leaving=set())
    acknowledge("province", leaving=list_executed())
    standing.watch_terms()


def keep_city_up() -> None:
    """Have the city show what came since it was connected; the province does not yet."""
    changes.order_changes()
    acknowledge("yunze", leaving=set())


def list_executed() -> set[str]:
    """Return the records of which a decision was carried out, and is not confirmed yet."""
    executed = select(CreditRecord.ref).join(Case).where(Case.state == "executed")
    return set(db.session.scalars(executed))


def acknowledge(code: str, *, leaving: set[str]) -> None:
    """Have a platform say that it shows what it is owed, but for some records."""
    owed = db.session.scalars(
        select(Obligation)
        .join(Obligation.platform)
        .where(Platform.code == code, Obligation.record_ref.not_in(leaving))
        .order_by(Obligation.id)
        .options(joinedload(Obligation.change))
    ).all()
    hashes = {one.change.position or 0: one.change.payload_hash for one in owed}
    if owed:
        pull.acknowledge(owed[0].platform_id, hashes)
