"""What an authority asked to be supplemented: in its own words, since when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from repair_app.db import db
from repair_app.ledger import texts_of
from repair_app.models import Case, Event

WAITS: Final = "supplement_asked"
ASKS: Final = "ask_supplement"


@dataclass(frozen=True)
class Asked:
    """What is missing, item by item, and when that was told."""

    items: tuple[str, ...]
    at: datetime


def list_asked(found: Iterable[Case]) -> Mapping[str, Asked]:
    """Return what each matter that waits for a supplement was asked for, by reference.

    Where the words were erased there are no items. One question, and none where nothing waits.
    """
    refs = [one.ref for one in found if one.state == WAITS]
    if not refs:
        return {}
    events = db.session.scalars(
        select(Event)
        .where(Event.entity.in_(refs), Event.transition == ASKS)
        .order_by(Event.id)
        .options(joinedload(Event.text))
    )
    return {one.entity: Asked(items_of(one), one.at) for one in events}


def items_of(event: Event) -> tuple[str, ...]:
    """Return what an event asks for, one item a line."""
    lines = texts_of(event).get("missing", "").splitlines()
    return tuple(line.strip() for line in lines if line.strip())
