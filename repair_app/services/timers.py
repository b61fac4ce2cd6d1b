"""What the passing of time sets going: expiry, reminders, marks of what is overdue, escalation.

Time never decides a matter: a term that runs out is shown, told and passed on to the next unit, and
the matter stays open until a person acts. Each function may run at any moment and any number of
times; it does one transaction for each item and looks again, under its lock, whether it is due.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, literal, select, tuple_

from repair_app.calendar import add_working_days
from repair_app.db import at, db, now, today
from repair_app.engine import machine, telling
from repair_app.engine.days import read_table
from repair_app.engine.deadlines import is_overdue
from repair_app.engine.step import SYSTEM, Answers, Entity, Refused
from repair_app.engine.telling import Kind
from repair_app.jobs import Schedule
from repair_app.models import Deadline
from repair_app.services import (
    cases,
    clocks,
    deadlines,
    inspections,
    letters,
    limits,
    mail,
    publication,
    quarantine,
    retention,
    scans,
)
from repair_app.services.imports import uploads
from repair_app.services.policy import current_policy
from repair_app.services.sync import completion, delivery, drift, notices, standing
from repair_app.services.transaction import sweep, transaction
from repair_app.services.tree import log, witnesses

WHEN_THE_DAY_TURNS: Final = "5 0 * * *"
WHEN_THE_NIGHT_IS_QUIET: Final = "35 1 * * *"  # after what is over has been taken off
WHEN_THE_WEEK_BEGINS: Final = "10 6 * * 1"
EVERY_FEW_MINUTES: Final = "*/5 * * * *"
EVERY_TEN_SECONDS: Final = "*/10 * * * * *"
EVERY_HALF_MINUTE: Final = "*/30 * * * * *"  # the first field: seconds
REMINDED_BEFORE: Final = 1  # working day
ESCALATE: Final = "escalate"  # a transition of the system, in workflows that want it


class Timer(NamedTuple):
    """What comes round: when, and what is done; it is given the moment, and says of how many."""

    name: str
    cron: str
    run: Callable[[datetime], int]

    @property
    def schedule(self) -> Schedule:
        """Return when a worker runs it."""
        return Schedule(self.name, self.cron)


def expire_records(moment: datetime) -> int:
    """Take every record off publication whose maximum period is over."""
    with at(moment):
        return publication.expire_records()


def lapse_sanctions(moment: datetime) -> int:
    """End every sanction whose own term is over."""
    with at(moment):
        return publication.lapse_sanctions()


def count_terms_anew(moment: datetime) -> int:
    """Count the terms again that were counted by an earlier edition of the calendar."""
    with at(moment):
        return len(deadlines.catch_up())


def mark_overdue(moment: datetime) -> int:
    """Mark every running term whose last day is over."""
    with at(moment):
        late = and_(is_overdue(today()), Deadline.overdue_at.is_(None))
        return sweep(list_terms(late), lambda term_id: mark(term_id, late, Kind.OVERDUE))


def remind(moment: datetime) -> int:
    """Mark every running term that ends within REMINDED_BEFORE working days, once."""
    with at(moment):
        soon = add_working_days(today(), REMINDED_BEFORE, read_table(db.session())).due_on
        due = and_(
            Deadline.met_at.is_(None),
            Deadline.paused_on.is_(None),
            Deadline.reminded_at.is_(None),
            Deadline.due_on.between(today(), soon),
        )
        return sweep(list_terms(due), lambda term_id: mark(term_id, due, Kind.REMINDED))


def escalate(moment: datetime) -> int:
    """Pass every overdue matter on to the next unit, where its workflow says so."""
    with at(moment):
        return sum(sweep(list_late(kind), partial(pass_on, kind)) for kind in cases.KINDS)


def open_quarantines(moment: datetime) -> int:
    """Open the cases of quarantined rows whose import was stopped before it could."""
    with at(moment):
        return quarantine.open_quarantines()


def scan_records(moment: datetime) -> int:
    """Look for what is wrong with the records on file (自查自纠)."""
    with at(moment):
        return scans.run_scan().found


def draw_inspection(moment: datetime) -> int:
    """Draw the inspection list of the week, once."""
    with at(moment):
        return inspections.draw_list()


def send_mail(moment: datetime) -> int:
    """Send the mails that are due: those at once, and from eight o'clock the digests."""
    with at(moment):
        return mail.send_due()


def deliver_changes(moment: datetime) -> int:
    """Put the changes for platforms in order, and send those that are due."""
    with at(moment):
        return delivery.deliver_due()


def complete_matters(moment: datetime) -> int:
    """Close the matters that waited for platforms, and for which none is waited for any more."""
    with at(moment):
        return completion.complete_all()


def watch_platforms(moment: datetime) -> int:
    """Raise an alarm where a platform is late, and tell owners what is wrong."""
    with at(moment):
        standing.watch_terms()
        return notices.send_notices()


def check_platforms(moment: datetime) -> int:
    """Compare what platforms show with what they should, and what we handed out with what is."""
    with at(moment):
        return drift.check_all()


def watch_clock(_moment: datetime) -> int:
    """Raise an alarm where this server and the database differ about the time."""
    return int(abs(clocks.watch()) > clocks.MOST)


TIMERS: Final = (
    Timer("expire_records", WHEN_THE_DAY_TURNS, expire_records),
    Timer("lapse_sanctions", WHEN_THE_DAY_TURNS, lapse_sanctions),
    Timer("count_terms_anew", WHEN_THE_DAY_TURNS, count_terms_anew),
    Timer("mark_overdue", EVERY_FEW_MINUTES, mark_overdue),
    Timer("remind", EVERY_FEW_MINUTES, remind),
    Timer("escalate", EVERY_FEW_MINUTES, escalate),
    Timer("send_mail", EVERY_FEW_MINUTES, send_mail),
    Timer("print_letters", EVERY_FEW_MINUTES, letters.print_letters),
    Timer("forget_uploads", WHEN_THE_NIGHT_IS_QUIET, uploads.forget_uploads),
    Timer("stop_uploads", EVERY_FEW_MINUTES, uploads.stop_given_up),
    Timer("open_quarantines", EVERY_FEW_MINUTES, open_quarantines),
    Timer("scan_records", WHEN_THE_NIGHT_IS_QUIET, scan_records),
    Timer("apply_retention", WHEN_THE_NIGHT_IS_QUIET, retention.apply_rules),
    Timer("forget_counts", WHEN_THE_NIGHT_IS_QUIET, limits.forget_counts),
    Timer("deliver_changes", EVERY_HALF_MINUTE, deliver_changes),
    Timer("complete_matters", EVERY_HALF_MINUTE, complete_matters),
    Timer("watch_platforms", EVERY_FEW_MINUTES, watch_platforms),
    Timer("watch_clock", EVERY_FEW_MINUTES, watch_clock),
    Timer("check_platforms", WHEN_THE_NIGHT_IS_QUIET, check_platforms),
    Timer("sequence_history", EVERY_TEN_SECONDS, log.sequence),
    Timer("ask_witnesses", EVERY_TEN_SECONDS, witnesses.ask_witnesses),
    Timer("draw_inspection", WHEN_THE_WEEK_BEGINS, draw_inspection),
)


# --- One item after the other ---


def list_terms(condition: ColumnElement[bool]) -> list[int]:
    """Return the ids of terms, the most urgent first."""
    query = select(Deadline.id).where(condition).order_by(Deadline.due_on, Deadline.id)
    return list(db.session.scalars(query))


def mark(term_id: int, condition: ColumnElement[bool], kind: Kind) -> bool:
    """Note the moment on a term, if the condition still holds, and tell whose term it is.

    The term of a whole matter is marked only: of whose turn it is that of the state tells.
    """
    with transaction() as session:
        term = session.scalar(
            select(Deadline).where(Deadline.id == term_id, condition).with_for_update()
        )
        if term is None:
            return False
        setattr(term, f"{kind}_at", now())
        session.flush()
        if not term.whole:
            entity = deadlines.find_entity(session, term.entity_ref)
            workflow = current_policy().workflow_of(entity)
            telling.tell_of_term(session, workflow, term, entity, kind, at=now())
        return True


def list_late(kind: str) -> list[str]:
    """Return the references of entities that have a term to pass on, and a way to."""
    model = cases.KINDS[kind]
    late = select(Deadline.entity_ref).where(to_pass_on())
    there = [
        (one.name, one.version, state)
        for one in current_policy().workflows.values()
        if (step := one.transitions.get(ESCALATE)) and SYSTEM.role in step.by
        for state in step.source
    ]
    # A sanction or record is of the one workflow of its kind: its table does not name it.
    name = getattr(model, "workflow", "")
    workflow = literal(name) if isinstance(name, str) else model.workflow
    where = tuple_(workflow, model.workflow_version, model.state).in_(there)
    return list(
        db.session.scalars(select(model.ref).where(model.ref.in_(late), where).order_by(model.id))
    )


def to_pass_on() -> ColumnElement[bool]:
    """Return the SQL condition for terms that are over and were not passed on yet.

    The term of the state at hand: it says whose turn it is, and so who is above.
    """
    return and_(is_overdue(today()), ~Deadline.whole, Deadline.escalated_at.is_(None))


def can_escalate(entity: Entity) -> bool:
    """Say whether the system passes an entity on from the state in which it is."""
    transition = current_policy().workflow_of(entity).transitions.get(ESCALATE)
    return bool(transition and SYSTEM.role in transition.by and entity.state in transition.source)


def pass_on(kind: str, ref: str) -> bool:
    """Escalate one entity, if it is still late and nobody did so meanwhile."""
    with transaction() as session:
        entity = cases.lock(session, kind, ref)
        late = select(Deadline.id).where(to_pass_on(), Deadline.entity_ref == ref).limit(1)
        if session.scalar(late) is None or not can_escalate(entity):
            return False
        try:
            machine.fire(session, current_policy(), entity, ESCALATE, SYSTEM, Answers(), at=now())
        except Refused:
            return False  # a guard's no: it was done before
        return True
