"""Alarms: what the system could not do by itself and a person has to look at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from repair_app.db import Base

OPEN_ALARM = text("cleared_at IS NULL")


class Alarm(Base):
    """One alarm about one thing; raised once, cleared when its cause is gone."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index(
            "uq_alarm_open",
            "kind",
            "entity_ref",
            "about",
            unique=True,
            sqlite_where=OPEN_ALARM,
            postgresql_where=OPEN_ALARM,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]  # a key of repair_app.alarms.KINDS
    entity_ref: Mapped[str]
    about: Mapped[str]  # which part of the entity: a clock, a job
    text: Mapped[str]  # what went wrong, for whoever mends it
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
