"""The calendar as administrators keep it: editions, and the days that each edition speaks of.

Nothing is ever changed or taken out: the table in force is the latest word on each day, and every
earlier one can be read by leaving the later editions away.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.parties import User


class CalendarEdition(Base):
    """One change of the calendar: who made it, when, by which source."""

    __tablename__ = "calendar_edition"

    id: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # None: an operator
    source: Mapped[str]  # the announcement, as people cite it
    note: Mapped[str]
    announces: Mapped[int | None]  # the year whose official days off it gives in full

    made_by: Mapped[User | None] = relationship()
    days: Mapped[list[CalendarDay]] = relationship(
        back_populates="edition", order_by="CalendarDay.day"
    )


class CalendarDay(Base):
    """What an edition says of one day: worked, off, or nothing of its own any more (None)."""

    __tablename__ = "calendar_day"
    __table_args__ = (UniqueConstraint("edition_id", "day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("calendar_edition.id"))
    day: Mapped[date]
    works: Mapped[bool | None]
    note: Mapped[str]

    edition: Mapped[CalendarEdition] = relationship(back_populates="days")
