"""What changed of what platforms show: written with the event that changed it, ordered afterwards.

A change is noticed where every change of a record, its measures and its marks must pass: when the
session writes their rows. At the end of the transaction the content of each such record is compared
with what was last handed out, and a row is written if it differs (docs/adr/0017). What an import
brings in is looked at afterwards, range by range, so that it costs the import nothing.

Positions are given after the commit, by one at a time under a lock: a reader who has read up to a
position never misses what was committed late.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import ColumnElement, event, func, insert, select, text, true, update
from sqlalchemy import inspect as look_into
from sqlalchemy.orm import Session, joinedload, selectinload

from repair_app.calendar import add_working_days, local_date
from repair_app.db import db, insert_rows, now
from repair_app.engine.days import read_table
from repair_app.models import (
    Change,
    ChangeHead,
    ChangeIntake,
    CreditRecord,
    Delivery,
    DisputeMark,
    Event,
    Obligation,
    Organisation,
    Owed,
    Platform,
    PlatformKind,
    PlatformStanding,
    ProceedingMark,
    Sanction,
    SanctionSuspension,
)
from repair_app.models.platforms import OPEN
from repair_app.services.sync.content import WITHDRAWN, Content, content_of
from repair_app.services.transaction import transaction

STEP: Final = 1_000_000  # by which positions go on at least after a restore
AT_ONCE: Final = 500  # changes put in order in one transaction
LOOKED_AT: Final = 200  # records looked at in one transaction, locked meanwhile
NOTICED: Final = "sync_noticed"  # in the session: what this transaction has changed
IS_SHOWN: Final = Change.shown.is_(True)
TAKE_HEAD: Final = text(
    "INSERT INTO change_head (id, position) VALUES (1, 0)"
    " ON CONFLICT (id) DO UPDATE SET position = change_head.position RETURNING position"
)


class Noticed:
    """What a transaction has changed so far, by id: records, suspended sanctions, organisations.

    And the last event.
    """

    def __init__(self) -> None:
        self.records: set[int] = set()
        self.sanctions: set[int] = set()
        self.organisations: set[int] = set()
        self.event_id: int | None = None


# --- noticing -------------------------------------------------------------------------------------


def watch() -> None:
    """Have the sessions of the application notice changes; asked for again, nothing happens."""
    for name, listener in (
        ("after_flush", notice),
        ("before_commit", write_noticed),
        ("after_rollback", forget_noticed),
    ):
        if not event.contains(db.session, name, listener):
            event.listen(db.session, name, listener)


def notice(session: Session, _context: Any) -> None:
    """Keep in mind which records the rows just written belong to."""
    for row in [*session.new, *session.dirty, *session.deleted]:
        match row:
            case CreditRecord():
                of(session).records.add(row.id)
            case Sanction() | DisputeMark() | ProceedingMark():
                of(session).records.add(row.record_id)
            case SanctionSuspension():
                of(session).sanctions.add(row.sanction_id)  # read later: a flush must not load
            case Event():
                of(session).event_id = row.id
            case Organisation() if row not in session.new and has_other_name(row):
                of(session).organisations.add(row.id)


def has_other_name(organisation: Organisation) -> bool:
    """Say whether an organisation has got another name."""
    return bool(look_into(organisation).attrs.name.history.deleted)


def of(session: Session) -> Noticed:
    """Return what a session's transaction has changed so far."""
    return cast(Noticed, session.info.setdefault(NOTICED, Noticed()))


def forget_noticed(session: Session) -> None:
    """Forget what was rolled back."""
    session.info.pop(NOTICED, None)


def write_noticed(session: Session) -> None:
    """Write a change for each record that now shows something else: before the commit."""
    session.flush()
    noticed = session.info.pop(NOTICED, None)
    if noticed is None:
        return
    if noticed.sanctions:
        of_sanctions = select(Sanction.record_id).where(Sanction.id.in_(noticed.sanctions))
        noticed.records.update(session.scalars(of_sanctions))
    if noticed.records:
        rows = read_records(session, CreditRecord.id.in_(noticed.records))
        write_changes(session, rows, lambda _: noticed.event_id)
    for one in noticed.organisations:
        named = (CreditRecord.subject_id == one) | (CreditRecord.provider_id == one)
        look_again(session, named)
    session.flush()
    session.info.pop(NOTICED, None)


def read_records(session: Session, which: ColumnElement[bool]) -> Sequence[CreditRecord]:
    """Return records with all that their content is made of, as it is now."""
    return session.scalars(
        select(CreditRecord)
        .where(which)
        .order_by(CreditRecord.id)
        .options(
            joinedload(CreditRecord.subject),
            joinedload(CreditRecord.provider),
            selectinload(CreditRecord.dispute_marks),
            selectinload(CreditRecord.proceeding_marks),
            selectinload(CreditRecord.sanctions).options(
                joinedload(Sanction.department), selectinload(Sanction.suspensions)
            ),
        )
        .execution_options(populate_existing=True)
    ).all()


def write_changes(
    session: Session,
    records: Iterable[CreditRecord],
    event_of: Callable[[CreditRecord], int | None],
) -> int:
    """Write a change for each record whose content is not what was last handed out.

    Returns how many. What was never shown and is not shown now is nobody's business.
    """
    found = {one.ref: (one, content_of(one)) for one in records}
    last = read_last(session, list(found))
    rows = [
        as_row(one, content, event_of(one))
        for ref, (one, content) in found.items()
        if (last[ref] != content.digest if ref in last else content.shown)
    ]
    insert_rows(session, Change, rows)
    return len(rows)


def as_row(record: CreditRecord, content: Content, event_id: int | None) -> dict[str, Any]:
    """Return the row of a change."""
    return {
        "record_ref": record.ref,
        "provider_id": record.provider_id,
        "event_id": event_id,
        "position": None,
        "shown": content.shown,
        "payload": content.payload,
        "payload_hash": content.digest,
        "at": now(),
    }


def read_last(session: Session, refs: Sequence[str]) -> dict[str, str]:
    """Return the hash of the newest change of each record that has one, ordered or not."""
    newest = (
        select(func.max(Change.id)).where(Change.record_ref.in_(refs)).group_by(Change.record_ref)
    )
    asked = select(Change.record_ref, Change.payload_hash).where(Change.id.in_(newest))
    return dict(session.execute(asked).all()) if refs else {}


# --- what nobody noticed: imports, other names, and whatever went wrong ---------------------------


def look_again(session: Session, which: ColumnElement[bool] | None = None) -> None:
    """Have records, all or some, compared with what was last handed out: by a range of ids."""
    ends = select(func.min(CreditRecord.id), func.max(CreditRecord.id))
    first, last = session.execute(ends if which is None else ends.where(which)).one()
    if first is not None:
        session.execute(insert(ChangeIntake).values(next_id=first, last_id=last))


def take_in(at_most: int = 50 * LOOKED_AT) -> int:
    """Look at the records that are to be looked at again; return how many changes were written.

    at_most: records in one go, so that the order of what is newer does not wait for a long range.
    A record is locked while it is looked at: what changes it meanwhile comes after.
    """
    written = 0
    for _ in range(0, at_most, LOOKED_AT):
        with transaction() as session:
            found = take_some(session)
            if found is None:
                break
            written += found
    return written


def take_some(session: Session) -> int | None:
    """Look at the next LOOKED_AT records; return how many changes were written, None at the end."""
    intake = session.scalar(
        select(ChangeIntake).order_by(ChangeIntake.id).limit(1).with_for_update()
    )
    if intake is None:
        return None
    ids = session.scalars(
        select(CreditRecord.id)
        .where(CreditRecord.id.between(intake.next_id, intake.last_id))
        .order_by(CreditRecord.id)
        .limit(LOOKED_AT)
        .with_for_update()
    ).all()
    if len(ids) < LOOKED_AT:
        session.delete(intake)
    else:
        intake.next_id = ids[-1] + 1
    if not ids:
        return 0
    events = first_events(session, ids)
    records = read_records(session, CreditRecord.id.in_(ids))
    return write_changes(session, records, lambda one: events.get(one.ref))


def first_events(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
    """Return the first event of records that have had no change so far, by reference."""
    asked = (
        select(Event.stream, Event.id)
        .join(CreditRecord, CreditRecord.ref == Event.stream)
        .where(CreditRecord.id.in_(ids), Event.seq == 1)
        .where(~select(Change.id).where(Change.record_ref == Event.stream).exists())
    )
    return dict(session.execute(asked).all())


# --- the order, and what is owed --------------------------------------------------------------


def has_news() -> bool:
    """Say whether anything was committed that is in no order yet."""
    session = db.session()
    session.rollback()  # what was committed since
    unordered = session.scalar(select(Change.id).where(Change.position.is_(None)).limit(1))
    found = unordered or session.scalar(select(ChangeIntake.id).limit(1))
    session.rollback()
    return found is not None


def order_changes() -> int:
    """Give each committed change its position, and each platform what it is owed; of how many.

    Whoever does so holds the lock of the head until the commit, so that positions have no gap and
    never come before what was read already.
    """
    done = 0
    while True:
        with transaction() as session:
            some = order_some(session)
        done += some
        if some < AT_ONCE:
            return done


def order_some(session: Session) -> int:
    """Order up to AT_ONCE changes in the session's transaction; return how many."""
    head = take_head(session)
    found = session.scalars(
        select(Change).where(Change.position.is_(None)).order_by(Change.id).limit(AT_ONCE)
    ).all()
    if not found:
        return 0
    for number, one in enumerate(found, start=head + 1):
        one.position = number
    session.flush()
    session.execute(update(ChangeHead).values(position=head + len(found)))
    forget_older(session, found)
    owe_to_all(session, found)
    return len(found)


def forget_older(session: Session, newer: Sequence[Change]) -> None:
    """Keep of changes that others follow the hash only: what a removed record said is gone."""
    last = {one.record_ref: one.id for one in newer}
    session.execute(
        update(Change)
        .where(Change.record_ref.in_(last), Change.payload.is_not(None))
        .where(Change.position.is_not(None), Change.id.not_in(last.values()))
        .values(payload=None)
    )


class Scope(NamedTuple):
    """A platform as it is owed changes: its term, and whose records it gets (None: all)."""

    id: int
    term_days: int
    provider_id: int | None


def read_scopes(session: Session) -> list[Scope]:
    """Return the platforms that are owed changes: all that are not disabled."""
    found = session.scalars(
        select(Platform).where(Platform.standing != PlatformStanding.DISABLED).order_by(Platform.id)
    )
    return [Scope(one.id, one.term_days, provider_of(one)) for one in found]


def provider_of(platform: Platform) -> int | None:
    """Return whose records a platform gets: a source agency its own, the others all (None)."""
    is_source = platform.kind == PlatformKind.SOURCE_AGENCY
    return platform.organisation_id if is_source else None


def owe_to_all(session: Session, ordered: Sequence[Change]) -> None:
    """Write what platforms are owed for new changes, each in place of what it was owed before."""
    last = {one.record_ref: one for one in ordered}
    scopes = read_scopes(session)
    if not scopes:
        return
    # What is owed to one that gets nothing of the record any more stays owed: its removal.
    supersede(session, Obligation.record_ref.in_(last) & (Obligation.because != WITHDRAWN))
    due = due_days(session)
    insert_rows(
        session,
        Obligation,
        [
            {
                "platform_id": scope.id,
                "change_id": one.id,
                "record_ref": one.record_ref,
                "standing": Owed.WAITING if last[one.record_ref] is one else Owed.SUPERSEDED,
                "due_on": due(one.at, scope.term_days),
                "attempts": 0,
                "next_try_at": now(),
                "because": "change",
            }
            for one in ordered
            for scope in scopes
            if scope.provider_id in {None, one.provider_id}
        ],
    )


def supersede(session: Session, which: ColumnElement[bool]) -> None:
    """Have platforms not wait for what something newer takes the place of."""
    lock_open(session, which)
    session.execute(
        update(Obligation)
        .where(which, Obligation.standing.in_(OPEN))
        .values(standing=Owed.SUPERSEDED)
        .execution_options(synchronize_session=False)
    )


def lock_open(session: Session, which: ColumnElement[bool]) -> None:
    """Lock open obligations in the order in which everybody locks them."""
    session.execute(
        select(Obligation.id)
        .where(which, Obligation.standing.in_(OPEN))
        .order_by(Obligation.id)
        .with_for_update()
    )


def due_days(session: Session) -> Callable[[datetime, int], date]:
    """Return the function that counts by when a change is to be shown, in working days."""
    table = read_table(session)

    @cache
    def count(day: date, working_days: int) -> date:
        return add_working_days(day, working_days, table).due_on

    return lambda at, working_days: count(local_date(at), working_days)


def owe_again(
    session: Session, platform: Platform, which: ColumnElement[bool], because: str
) -> int:
    """Owe a platform the newest changes of records once more, in one transaction; of how many.

    For few of them: `owe_some` does it slice by slice.
    """
    bounded, count = which & (Change.position <= take_head(session)), 0
    after: int | None = 0
    while after is not None:
        some, after = owe_some(session, platform, bounded, because, after)
        count += some
    return count


def owe_some(
    session: Session, platform: Platform, which: ColumnElement[bool], because: str, after: int
) -> tuple[int, int | None]:
    """Owe a platform up to AT_ONCE newest changes of records once more, behind a position.

    which: of `Change`. Older changes of a record are left out: they would be ignored there.
    because: joined, rejoined, replayed or repaired. Who pulls reads what is new only: but for who
    has just joined the changes get new positions. Returns how many, and where to go on; None at
    the end.
    The head is held from before the changes are read: what is put in order meanwhile would
    otherwise take the content away from what is owed here.
    """
    take_head(session)
    provider = provider_of(platform)
    found = session.scalars(
        select(Change)
        .where(Change.payload.is_not(None), Change.position > after, which)
        .where(Change.provider_id == provider if provider else true())
        .order_by(Change.position)
        .limit(AT_ONCE)
        .execution_options(populate_existing=True)
    ).all()
    reached = found[-1].position if len(found) == AT_ONCE else None
    if platform.delivery == Delivery.PULL and because != "joined":
        renumber(session, found)
    owe(session, platform, found, because)
    return len(found), reached


def owe_records(session: Session, platform: Platform, refs: Sequence[str], because: str) -> None:
    """Owe a platform the newest changes of some records once more: up to AT_ONCE of them.

    Found by their references: in the order of positions PostgreSQL would walk all changes. The head
    is held by the caller, from before it looked at the records.
    """
    provider = provider_of(platform)
    found = session.scalars(
        select(Change)
        .where(Change.payload.is_not(None), Change.position.is_not(None))
        .where(Change.record_ref.in_(refs))
        .where(Change.provider_id == provider if provider else true())
        .execution_options(populate_existing=True)
    ).all()
    in_order = sorted(found, key=lambda one: one.position or 0)
    if platform.delivery == Delivery.PULL:
        renumber(session, in_order)
    owe(session, platform, in_order, because)


def owe(session: Session, platform: Platform, found: Sequence[Change], because: str) -> None:
    """Owe a platform changes, each in place of what it was owed of the record before."""
    due = due_days(session)(now(), platform.term_days)
    own = Obligation.platform_id == platform.id
    supersede(session, own & Obligation.record_ref.in_([one.record_ref for one in found]))
    insert_rows(
        session,
        Obligation,
        [
            {
                "platform_id": platform.id,
                "change_id": one.id,
                "record_ref": one.record_ref,
                "standing": Owed.WAITING,
                "due_on": due,
                "attempts": 0,
                "next_try_at": now(),
                "because": because,
            }
            for one in found
        ],
    )


def withdraw(session: Session, platform: Platform, refs: Sequence[str]) -> None:
    """Have a platform show no more what is not for it: owe it the removal of these records."""
    if not refs:
        return
    take_head(session)
    newest = select(func.max(Change.id)).where(Change.record_ref.in_(refs))
    newest = newest.where(Change.position.is_not(None)).group_by(Change.record_ref)
    found = session.scalars(select(Change).where(Change.id.in_(newest)).order_by(Change.id)).all()
    if platform.delivery == Delivery.PULL:
        renumber(session, found)
    owe(session, platform, found, WITHDRAWN)


def list_outside(session: Session, platform: Platform, after: str) -> Sequence[str]:
    """Return up to AT_ONCE records that a platform was told of and that are not for it."""
    provider = provider_of(platform)
    if provider is None:
        return []
    return session.scalars(
        select(Obligation.record_ref)
        .distinct()
        .join(Obligation.change)
        .where(Obligation.platform_id == platform.id, Obligation.record_ref > after)
        .where(Change.provider_id != provider)
        .order_by(Obligation.record_ref)
        .limit(AT_ONCE)
    ).all()


def renumber(session: Session, found: Sequence[Change]) -> None:
    """Give changes new positions, behind all others."""
    head = take_head(session)
    for number, one in enumerate(found, start=head + 1):
        one.position = number
    session.execute(update(ChangeHead).values(position=head + len(found)))
    session.flush()


def begin_anew() -> int:
    """Have the newest change of each record get a new position, and owed anew; of how many.

    For a store that was put back from a backup: platforms have read positions that it does not
    know, and would pass over what gets them for a second time. Positions go on at least STEP
    further; the next rounds put the changes in order. Not to be done without need: each platform
    is sent everything once more.
    """
    with transaction() as session:
        head = take_head(session)
        session.execute(update(ChangeHead).values(position=(head // STEP + 2) * STEP))
        done = session.execute(
            update(Change)
            .where(Change.payload.is_not(None), Change.position.is_not(None))
            .values(position=None)
            .execution_options(synchronize_session=False)
        )
        return int(done.rowcount)  # type: ignore[attr-defined]


def take_head(session: Session) -> int:
    """Lock the head until the end of the transaction; return the last position given.

    Whoever takes several locks takes them in this order: head, platform, obligations by their id,
    the book of the office. A platform is locked without its key: others may refer to it meanwhile.
    """
    return int(session.execute(TAKE_HEAD).scalar_one())


def read_head(session: Session) -> int:
    """Return the last position given."""
    return session.scalar(select(ChangeHead.position)) or 0
