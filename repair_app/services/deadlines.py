"""Deadlines over all cases: what runs, what is over, how each was counted, counting anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, selectinload

from repair_app import alarms
from repair_app.calendar import Table
from repair_app.db import db, now, today
from repair_app.engine import deadlines
from repair_app.engine.days import read_table
from repair_app.engine.policy import Policy
from repair_app.engine.rules import Clock
from repair_app.engine.spec import SpecError
from repair_app.engine.step import Entity
from repair_app.labels import Label
from repair_app.models import Alarm, Case, CreditRecord, Deadline, Event, Requirement, Sanction
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

BATCH = 500
MODELS: tuple[Any, ...] = (Case, Requirement, Sanction, CreditRecord)
GRADES: dict[str, Label] = {
    "read": Label("已核对原文", "read in the text itself"),
    "press": Label("据报道，未核对原文", "by press, not read in the text"),
    "fragment": Label("仅见原文片段，待确认", "from fragments of the text, to be confirmed"),
    "recall": Label("未经查证，待确认", "not confirmed"),
    "choice": Label("文件未规定，系统设定", "set by this system: the documents are silent"),
}


class NoTerm(LookupError):
    """There is nothing under this reference that has, or had, a term."""


@dataclass(frozen=True)
class Move:
    """An open deadline that another calendar moves."""

    entity_ref: str
    clock: str
    before: date
    after: date


@dataclass(frozen=True)
class Explained:
    """A term with all that tells how it was counted, and the value of the rule pack behind it."""

    term: Deadline
    states: dict[str, Label]  # what the states are called that stop it
    clock: Clock | None  # None: the rule pack has no such clock

    def sentence(self, lang: str) -> str:
        """Return in one sentence how the last day was counted."""
        return self.term.due.explain(lang)

    def lines(self, lang: str, policy: Policy) -> list[str]:
        """Return the same as a list, with the source of the length at its end."""
        told = self.term.due.explain_lines(lang, self.states)
        if self.clock:
            clause = policy.cite(self.clock.source)
            grade = GRADES[self.clock.grade]
            told.append(
                Label(f"依据：{clause.zh}（{grade.zh}）", f"basis: {clause.en} ({grade.en})").text(
                    lang
                )
            )
        return told


def recompute_open(
    session: Session, policy: Policy, *, at: datetime, stale: bool = False
) -> list[Move]:
    """Count every open deadline anew by the calendar and the ledger; return what moved.

    `stale` leaves out those that were counted by the table in force. A row that somebody else is
    changing just now is passed over, or two changes could wait for each other: see `catch_up`.
    """
    table = read_table(session)
    alarmed = {(one.entity_ref, one.about) for one in open_alarms(session)}
    moved: list[Move] = []
    for batch in batches(session, table, stale=stale):
        logs = deadlines.list_events(session, [one.entity_ref for one in batch if one.whole])
        for term in batch:
            before = term.due_on
            recompute(session, policy, term, logs.get(term.entity_ref, []), table, at)
            if term.due_on != before:
                moved.append(Move(term.entity_ref, term.clock, before, term.due_on))
            if term.working_days and (term.entity_ref, term.clock) in alarmed:
                alarms.clear_alarm(session, deadlines.ALARM, term.entity_ref, term.clock, at=at)
        session.flush()
    return moved


def batches(session: Session, table: Table, *, stale: bool) -> Iterator[Sequence[Deadline]]:
    """Yield the running terms, some at a time, each locked and read anew."""
    query = select(Deadline).where(Deadline.met_at.is_(None)).order_by(Deadline.id).limit(BATCH)
    if stale:
        in_force = table.edition or None
        counted_before = Deadline.calendar_edition.is_distinct_from(in_force)
        query = query.where(or_(counted_before, Deadline.working_days == 0))
    last = 0
    while found := session.scalars(
        query.where(Deadline.id > last)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all():
        last = found[-1].id
        yield found


def recompute(
    session: Session,
    policy: Policy,
    term: Deadline,
    events: Sequence[Event],
    table: Table,
    at: datetime,
) -> None:
    """Count one term anew: its pauses by its events, its length by the pack if it had none."""
    try:
        if term.whole:
            pauses = deadlines.pauses_in_log(policy.workflows, events)
            deadlines.keep_pauses(term, pauses)
        known = bool(term.working_days)
        clocks = {} if known else policy.pack_of(find_entity(session, term.entity_ref)).clocks
    except (SpecError, LookupError) as error:
        text = f"{type(error).__name__}: {error}"
        alarms.raise_alarm(session, deadlines.ALARM, term.entity_ref, term.clock, text, at=at)
        return
    deadlines.count_anew(session, term, table, clocks, at)


def catch_up() -> list[Move]:
    """Count anew what was counted by an earlier edition of the calendar; return what moved.

    For terms that a step opened while the edition was being made, and so could not see it.
    """
    with transaction() as session:
        return recompute_open(session, current_policy(), at=now(), stale=True)


def recompute_all(*, dry: bool) -> list[Move]:
    """Count every open deadline anew; return what moved, or with `dry` what would."""
    with transaction() as session:
        moved = recompute_open(session, current_policy(), at=now())
        if dry:
            session.rollback()
        return moved


def list_running(limit: int) -> Sequence[Deadline]:
    """Return running terms, the most urgent first."""
    return db.session.scalars(running().limit(limit)).all()


def list_overdue(limit: int) -> Sequence[Deadline]:
    """Return the terms that are over without having been met, the longest overdue first."""
    return db.session.scalars(running().where(deadlines.is_overdue(today())).limit(limit)).all()


def running() -> Select[Deadline]:
    """Return the query for running terms, by due day."""
    return (
        select(Deadline)
        .where(Deadline.met_at.is_(None))
        .order_by(Deadline.due_on, Deadline.id)
        .options(selectinload(Deadline.case))
    )


def explain(ref: str) -> list[Explained]:
    """Return the terms of an entity, those that run first. Raises NoTerm."""
    terms = db.session.scalars(
        select(Deadline)
        .where(Deadline.entity_ref == ref)
        .order_by(Deadline.met_at.is_not(None), Deadline.id)
    ).all()
    if not terms:
        raise NoTerm(ref)
    entity = find_entity(db.session(), ref)
    return [explain_term(one, entity) for one in terms]


def explain_term(term: Deadline, entity: Entity) -> Explained:
    """Return a term of an entity with what tells how it was counted."""
    policy = current_policy()
    states = policy.workflow_of(entity).states
    return Explained(
        term=term,
        states={name: one.label for name, one in states.items()},
        clock=policy.pack_of(entity).clocks.get(term.clock),
    )


def find_entity(session: Session, ref: str) -> Entity:
    """Return the case, requirement, sanction or record of a reference. Raises NoTerm."""
    for model in MODELS:
        found: Entity | None = session.scalar(select(model).where(model.ref == ref))
        if found is not None:
            return found
    raise NoTerm(ref)


def open_alarms(session: Session) -> list[Alarm]:
    """Return the open alarms about deadlines."""
    return [one for one in alarms.list_open(session) if one.kind == deadlines.ALARM]


def list_alarms() -> Sequence[Alarm]:
    """Return every alarm that is not cleared, newest first."""
    return alarms.list_open(db.session())
