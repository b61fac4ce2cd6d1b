"""The calendar: who changed which days, what holds now, and every open deadline counted anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, joinedload, selectinload

from repair_app.calendar import NOTHING_ENTERED, Table, is_announced, unusual_days
from repair_app.db import db, now
from repair_app.engine.days import read_table
from repair_app.labels import Label
from repair_app.models import CalendarDay, CalendarEdition, User
from repair_app.services import deadlines, office_book
from repair_app.services.calendar_file import CalendarProblem, DayList, Word
from repair_app.services.deadlines import Move
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

STREAM = office_book.CALENDAR.name
LONGEST_NOTE = 200  # characters of a note and of a source: both stay for ever
NOTHING_NEW = Label(
    "与现行日历完全一致，未作更改。", "The calendar says so already: nothing to change."
)
TOO_LONG = Label(
    f"来源和备注各不超过{LONGEST_NOTE}个字符，未作更改。",
    f"Source and note may have {LONGEST_NOTE} characters each: nothing was changed.",
)


@dataclass(frozen=True)
class Published:
    """An edition that was made, and which open deadlines it moved."""

    edition: int
    moved: Sequence[Move]
    taken_back: Sequence[date]  # official days of the year that the new list does not name
    kept: Sequence[date]  # days of the year that were entered one by one, and stay so


@dataclass(frozen=True)
class Year:
    """A year as the calendar knows it: what is not as its weekday says, and since when."""

    year: int
    announced: bool
    unusual: Sequence[tuple[date, str | None]]  # a key of REASONS, None for a weekend day worked
    notes: Mapping[date, str]


class UnknownEdition(LookupError):
    """There is no such edition of the calendar."""


def current_table() -> Table:
    """Return the table in force. A store that is not made yet has none: then nothing entered."""
    try:
        return read_table(db.session())
    except DBAPIError:
        db.session.rollback()
        return NOTHING_ENTERED


def show_year(year: int, edition: int | None = None) -> Year:
    """Return a year by the table in force, or by that of an earlier edition.

    Raises UnknownEdition.
    """
    session = db.session()
    if edition is not None and session.get(CalendarEdition, edition) is None:
        raise UnknownEdition(edition)
    table = read_table(session, edition)
    words = session.scalars(
        select(CalendarDay)
        .where(CalendarDay.day.between(date(year, 1, 1), date(year, 12, 31)))
        .where(CalendarDay.edition_id <= table.edition)
        .order_by(CalendarDay.edition_id)
    )
    return Year(
        year=year,
        announced=is_announced(date(year, 1, 1), table),
        unusual=unusual_days(year, table),
        notes={one.day: one.note for one in words if one.day in table.words and one.note},
    )


def list_editions() -> Sequence[CalendarEdition]:
    """Return the editions with their days, newest first."""
    return db.session.scalars(
        select(CalendarEdition)
        .order_by(CalendarEdition.id.desc())
        .options(
            selectinload(CalendarEdition.days),
            joinedload(CalendarEdition.made_by).joinedload(User.person),
        )
    ).all()


def publish(given: DayList, user: User | None, *, note: str = "", dry: bool = False) -> Published:
    """Make a new edition of the calendar and count every open deadline anew, in one transaction.

    user: the administrator; None for an operator of the commands. `dry` changes nothing and only
    returns what would move. Raises CalendarProblem when the calendar says all that already, and
    for a source or note that is too long.
    """
    if max(len(given.source), len(note)) > LONGEST_NOTE:
        raise CalendarProblem(None, TOO_LONG)
    with transaction() as session:
        office_book.take(session, office_book.CALENDAR)
        before = read_table(session)
        words = [*given.words, *words_taken_back(before, given)]
        if says_nothing_new(before, given, words):
            raise CalendarProblem(None, NOTHING_NEW)
        edition = keep_edition(session, given, words, user, note)
        moved = deadlines.recompute_open(session, current_policy(), at=now())
        append_event(session, before, edition, moved)
        published = Published(
            edition=edition.id,
            moved=moved,
            taken_back=[one.day for one in words if one.works is None and one.taken],
            kept=days_kept(before, given),
        )
        if dry:
            session.rollback()
    if not dry:
        deadlines.catch_up()
    return published


def words_taken_back(before: Table, given: DayList) -> list[Word]:
    """Return the end of each official word on the announced year that the new list leaves out."""
    named = {one.day for one in given.words}
    return [
        Word(day, None, "", taken=True)
        for day in sorted(before.official - named)
        if day.year == given.announces
    ]


def days_kept(before: Table, given: DayList) -> list[date]:
    """Return the days of the announced year that were entered one by one, and stay so."""
    named = {one.day for one in given.words} | before.official
    return [day for day in sorted(before.words) if day.year == given.announces and day not in named]


def says_nothing_new(before: Table, given: DayList, words: Sequence[Word]) -> bool:
    """Say whether the table in force holds every word already, in the same standing."""
    if given.announces is not None and given.announces not in before.announced:
        return False
    return all(
        before.words.get(one.day) == one.works
        and (given.announces is None or one.works is None or one.day in before.official)
        for one in words
    )


def keep_edition(
    session: Session, given: DayList, words: Sequence[Word], user: User | None, note: str
) -> CalendarEdition:
    """Write an edition and its days."""
    edition = CalendarEdition(
        made_at=now(),
        made_by_id=user.id if user else None,
        source=given.source,
        note=note,
        announces=given.announces,
        days=[CalendarDay(day=one.day, works=one.works, note=one.note) for one in words],
    )
    session.add(edition)
    session.flush()
    return edition


def append_event(
    session: Session, before: Table, edition: CalendarEdition, moved: Sequence[Move]
) -> None:
    """Write the edition into the ledger: a chain of the calendar's own."""
    office_book.note(
        session,
        office_book.CALENDAR,
        "publish",
        STREAM,
        office_book.actor_of(edition.made_by),
        source=str(before.edition),
        target=str(edition.id),
        facts={
            "announces": edition.announces,
            "days": [[one.day.isoformat(), one.works] for one in edition.days],
            "moved": len(moved),
        },
        texts={"source": edition.source, "note": edition.note},
        at=edition.made_at,
    )
