"""How the store is doing, in figures: what waits and for how long, what is late, what stands still.

Asked when the metrics are asked for, kept for some seconds, each by a walk along an index.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Lock
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from repair_app import jobs, replica
from repair_app.db import db, now, today
from repair_app.engine.deadlines import is_overdue
from repair_app.metrics import Gauge
from repair_app.models import (
    Alarm,
    Change,
    ChangeIntake,
    CreditRecord,
    Deadline,
    Event,
    Export,
    ImportBatch,
    Message,
    Obligation,
    Platform,
    SanctionSuspension,
    TreeCosignature,
)
from repair_app.models.platforms import OPEN
from repair_app.services import messages
from repair_app.services.office_book import OPERATIONS
from repair_app.services.records import shown_to_public
from repair_app.services.tree import log

RANGES: Final = 20  # of records brought in that are looked into
KEPT: Final = 5.0  # seconds that figures are handed out again
PATIENCE_MS: Final = 2000  # of PostgreSQL, with each question
BE_QUICK: Final = text("SELECT set_config('statement_timeout', :patience, true)")

_kept: dict[str, tuple[float, Sequence[Gauge]]] = {}  # by database
_lock = Lock()

Question = Callable[[Session], Iterator[Gauge]]


def read() -> Sequence[Gauge]:
    """Return the figures of the store; those it does not give are missing, and that is a figure."""
    place = str(db.engine.url)
    with _lock:
        since, found = _kept.get(place, (0.0, ()))
        if not found or time.monotonic() - since > KEPT:
            found = ask_all()
            _kept[place] = time.monotonic(), found
        return found


def forget() -> None:
    """Ask anew the next time."""
    with _lock:
        _kept.clear()


def ask_all() -> Sequence[Gauge]:
    """Ask each question in a transaction of its own: one that fails keeps no other."""
    found: list[Gauge] = []
    answered = {}
    for question in QUESTIONS:
        session = db.session()
        session.rollback()
        try:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(BE_QUICK, {"patience": f"{PATIENCE_MS}ms"})
            gauges = list(question(session))
        except SQLAlchemyError:
            gauges = []
        answered[question.__name__.removeprefix("ask_")] = float(bool(gauges))
        found += gauges
        with suppress(SQLAlchemyError):
            session.rollback()
    says = "Whether the store answered what is asked of it for these metrics."
    return [*found, Gauge("redress_store_answers", says, answered, "question")]


def one(name: str, says: str, figure: float) -> Gauge:
    """Return a figure without a label."""
    return Gauge(name, says, {"": figure})


def age(moment: datetime | None) -> float:
    """Return the seconds since a moment; 0 where there is none."""
    return max((now() - moment).total_seconds(), 0.0) if moment else 0.0


# --- what is asked ----------------------------------------------------------------------------


def ask_jobs(session: Session) -> Iterator[Gauge]:
    """Jobs by their state, and since when the oldest of those that are due waits."""
    queue = jobs.read_queue(session.connection())
    yield Gauge("redress_jobs", "Jobs by state.", queue.counts, "state")
    waited = max(now().timestamp() - queue.oldest, 0.0) if queue.oldest else 0.0
    yield one("redress_job_oldest_seconds", "Age of the oldest job that is due.", waited)
    active = float(jobs.has_worker(db.engine))
    yield one("redress_worker_active", "Whether a worker is active on the store.", active)


def ask_terms(session: Session) -> Iterator[Gauge]:
    """Terms that are over: of a turn, by whose it is, and of whole matters; and the longest."""
    rows = session.execute(
        select(Deadline.owner, Deadline.whole, func.count(), func.min(Deadline.due_on))
        .where(is_overdue(today()))
        .group_by(Deadline.owner, Deadline.whole)
    ).all()
    turns: Mapping[str, float] = {row[0]: float(row[2]) for row in rows if not row[1]}
    yield Gauge("redress_terms_overdue", "Terms of a turn that are over.", turns, "owner")
    matters = sum(row[2] for row in rows if row[1])
    yield one("redress_matters_overdue", "Terms of whole matters that are over.", matters)
    days = max(((today() - row[3]).days for row in rows), default=0)
    yield one("redress_term_longest_overdue_days", "Days since the oldest of them was due.", days)


def ask_sanctions(session: Session) -> Iterator[Gauge]:
    """Sanctions that are suspended."""
    running = SanctionSuspension.lifted_at.is_(None)
    count = session.scalar(
        select(func.count(func.distinct(SanctionSuspension.sanction_id))).where(running)
    )
    yield one("redress_sanctions_suspended", "Sanctions that are suspended.", count or 0)


def ask_imports(session: Session) -> Iterator[Gauge]:
    """Files of records that are being read, or were left half read."""
    yield from waiting(
        session,
        ImportBatch.started_at,
        ImportBatch.finished_at.is_(None),
        "redress_imports_running",
        "redress_import_oldest_seconds",
        "imports that have not ended",
    )


def ask_mails(session: Session) -> Iterator[Gauge]:
    """Mails that wait, digests with them."""
    yield from waiting(
        session,
        Message.created_at,
        messages.IS_PENDING,
        "redress_mails_waiting",
        "redress_mail_oldest_seconds",
        "messages that wait to be mailed",
    )


def ask_exports(session: Session) -> Iterator[Gauge]:
    """Lists that were asked for and are not written yet."""
    yield from waiting(
        session,
        Export.asked_at,
        Export.done_at.is_(None),
        "redress_exports_waiting",
        "redress_export_oldest_seconds",
        "lists that wait to be written",
    )


def waiting(
    session: Session, since: Any, condition: Any, count: str, oldest: str, what: str
) -> Iterator[Gauge]:
    """Yield how many rows wait, and since when the oldest does."""
    number, first = session.execute(select(func.count(), func.min(since)).where(condition)).one()
    yield one(count, f"Number of {what}.", number)
    yield one(oldest, f"Age of the oldest of the {what}.", age(first))


def ask_order(session: Session) -> Iterator[Gauge]:
    """Changes that are not in order yet: what the worker is behind with."""
    yield from waiting(
        session,
        Change.at,
        Change.position.is_(None),
        "redress_changes_to_order",
        "redress_change_to_order_oldest_seconds",
        "changes that have no position yet",
    )
    left = session.scalar(select(func.sum(ChangeIntake.last_id - ChangeIntake.next_id + 1)))
    yield one(
        "redress_intake_left", "Records brought in whose changes are to be written.", left or 0
    )


def ask_chain(session: Session) -> Iterator[Gauge]:
    """Since when the oldest waits that is in the ledger and not in the chain handed to platforms.

    Events are chained as they are written; their changes get a position afterwards, and records
    brought in by bulk are looked at before that. A range that is only looked at again is no lag.
    """
    moments = [session.scalar(select(func.min(Change.at)).where(Change.position.is_(None)))]
    starts = select(ChangeIntake.next_id).order_by(ChangeIntake.id).limit(RANGES)
    for start in session.scalars(starts).all():
        first = select(CreditRecord).where(CreditRecord.id >= start).order_by(CreditRecord.id)
        record = session.scalar(first.limit(1))
        if record is None or not shown_to_public(record):
            continue
        handed_out = select(Change.id).where(Change.record_ref == record.ref).limit(1)
        if session.scalar(handed_out) is None:
            moments.append(record.created_at)
    says = "Age of the oldest change that is not in the chain handed to platforms yet."
    oldest = min((one for one in moments if one is not None), default=None)
    yield one("redress_chain_lag_seconds", says, age(oldest))


def ask_history(session: Session) -> Iterator[Gauge]:
    """How long the oldest event has been without a signed checkpoint, and what each witness has."""
    says = "Age of the oldest event that no signed checkpoint covers."
    yield one("redress_checkpoint_lag_seconds", says, age(log.unsigned_since(session)))
    size = float(log.signed_size(session))
    yield one("redress_checkpoint_size", "Events that the newest checkpoint covers.", size)
    rows = session.execute(
        select(TreeCosignature.name, func.max(TreeCosignature.size)).group_by(TreeCosignature.name)
    )
    sizes = {row[0]: float(row[1]) for row in rows}
    says = "Events that the newest checkpoint covers that a witness has signed."
    yield Gauge("redress_cosigned_size", says, sizes, "witness")


def ask_replica(_session: Session) -> Iterator[Gauge]:
    """By how much the replica lags, where the settings name one; without one there is no figure."""
    lag = replica.read_lag()
    says = "Seconds by which the replica lags, at least; +Inf where it is none any more."
    yield Gauge("redress_replica_lag_seconds", says, {} if lag is None else {"": lag})


def ask_sync(session: Session) -> Iterator[Gauge]:
    """What is owed to each platform, what of it is late, and since when the oldest waits."""
    rows = session.execute(
        select(Platform.code, func.count(), func.min(Obligation.change_id))
        .join(Obligation.platform)
        .where(Obligation.standing.in_(OPEN))
        .group_by(Platform.code)
    ).all()
    owed = {row[0]: float(row[1]) for row in rows}
    yield Gauge(
        "redress_sync_owed", "Changes that a platform has not acknowledged.", owed, "platform"
    )
    firsts = {
        one_id: age(moment)
        for one_id, moment in session.execute(
            select(Change.id, Change.at).where(Change.id.in_([row[2] for row in rows]))
        )
    }
    oldest = {row[0]: firsts.get(row[2], 0.0) for row in rows}
    says = "Age of the oldest change that a platform has not acknowledged."
    yield Gauge("redress_sync_oldest_seconds", says, oldest, "platform")
    late = session.execute(
        select(Platform.code, func.count())
        .join(Obligation.platform)
        .where(Obligation.standing.in_(OPEN), Obligation.due_on < today())
        .group_by(Platform.code)
    )
    overdue = {row[0]: float(row[1]) for row in late}
    yield Gauge("redress_sync_overdue", "Changes owed past their day.", overdue, "platform")
    standing = session.execute(select(Platform.standing, func.count()).group_by(Platform.standing))
    counts = {row[0]: float(row[1]) for row in standing}
    yield Gauge("redress_platforms", "Platforms by standing.", counts, "standing")


def ask_alarms(session: Session) -> Iterator[Gauge]:
    """Alarms that nobody cleared, by kind."""
    rows = session.execute(
        select(Alarm.kind, func.count()).where(Alarm.cleared_at.is_(None)).group_by(Alarm.kind)
    )
    counts = {row[0]: float(row[1]) for row in rows}
    yield Gauge("redress_alarms", "Alarms that are not cleared.", counts, "kind")


def ask_backup(session: Session) -> Iterator[Gauge]:
    """The last backup; without one, there is no figure: a rule can ask for its absence."""
    last = session.scalar(
        select(func.max(Event.at)).where(
            Event.workflow == OPERATIONS.name, Event.transition == "backup"
        )
    )
    ages = {"": age(last)} if last else {}
    yield Gauge("redress_backup_age_seconds", "Age of the last backup.", ages)


def ask_ledger(session: Session) -> Iterator[Gauge]:
    """Where the ledger is: a number that only grows."""
    last = session.scalar(select(func.max(Event.id)))
    yield one("redress_ledger_last_event", "Number of the last event.", last or 0)


QUESTIONS: Final[Sequence[Question]] = (
    ask_jobs,
    ask_terms,
    ask_sanctions,
    ask_imports,
    ask_mails,
    ask_exports,
    ask_order,
    ask_chain,
    ask_history,
    ask_replica,
    ask_sync,
    ask_alarms,
    ask_backup,
    ask_ledger,
)
