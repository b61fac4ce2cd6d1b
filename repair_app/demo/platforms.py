"""Two platforms of the demonstration: a city site that shows everything, a late province."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from repair_app.db import at, db, now
from repair_app.demo import cast
from repair_app.models import Delivery, Obligation, Platform, PlatformKind
from repair_app.services import people, platforms
from repair_app.services.platforms import Terms
from repair_app.services.sync import changes, pull, standing

CONNECTED: Final = timedelta(days=14)  # ago
LATE: Final = 3  # changes that the province does not show


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
    acknowledge("yunze", leaving=0)
    acknowledge("province", leaving=LATE)
    standing.watch_terms()


def acknowledge(code: str, *, leaving: int) -> None:
    """Have a platform say that it shows what it is owed, but for the newest few."""
    owed = db.session.scalars(
        select(Obligation)
        .join(Obligation.platform)
        .where(Platform.code == code)
        .order_by(Obligation.id)
        .options(joinedload(Obligation.change))
    ).all()
    shown = owed[: len(owed) - leaving]
    hashes = {one.change.position or 0: one.change.payload_hash for one in shown}
    if owed:
        pull.acknowledge(owed[0].platform_id, hashes)
