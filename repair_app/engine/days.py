"""The table of working days that administrators keep, read from the store."""

from datetime import date

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from repair_app.calendar import Table
from repair_app.models import CalendarDay, CalendarEdition


def read_table(session: Session, up_to: int | None = None) -> Table:
    """Return the latest word on each day; `up_to` leaves out the editions after that one."""
    rows = session.execute(
        select(CalendarEdition.id, CalendarEdition.announces, CalendarDay.day, CalendarDay.works)
        .join(CalendarDay)
        .where(CalendarEdition.id <= up_to if up_to is not None else true())
        .order_by(CalendarEdition.id)
    ).all()
    words: dict[date, bool] = {}
    official: set[date] = set()
    for _, announces, day, works in rows:
        words.pop(day, None)
        official.discard(day)
        if works is None:  # taken back: the day is again what its year says
            continue
        words[day] = works
        if announces is not None:
            official.add(day)
    return Table(
        words=words,
        official=frozenset(official),
        announced=frozenset(year for _, year, _, _ in rows if year is not None),
        edition=rows[-1][0] if rows else 0,
    )
