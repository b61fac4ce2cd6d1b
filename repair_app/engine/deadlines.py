"""Deadlines: opened and met by the states that an entity enters and leaves, counted, explained.

A state's own term begins when the state is entered and is met when it is left. The term of the
whole matter (`[term]` of a workflow) begins when its state is entered first, stands still in the
states that `pauses` marks, and is met where the matter is decided or ends. A term that cannot be
computed is an alarm and due at once: it never stops a step, and never hides a matter.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from repair_app import alarms
from repair_app.calendar import DueDate, Pause, Table, add_working_days, local_date
from repair_app.engine.days import read_table
from repair_app.engine.rules import Clock
from repair_app.engine.spec import VERSION_STEPS, State, Workflow
from repair_app.engine.step import Step
from repair_app.models import Deadline, Event

ALARM = "deadline"
INCOMPUTABLE = (KeyError, ValueError, OverflowError)  # no such clock, no such length, no such day


class Happened(Protocol):
    """What is read of an event: when it was, and its canonical content."""

    @property
    def at(self) -> datetime:
        """Return when it happened."""

    @property
    def payload(self) -> str:
        """Return its content."""


# --- what a step does to deadlines -----------------------------------------------------------


def follow(step: Step, left: State | None, entered: State) -> Deadline | None:
    """Meet the term of the state that was left; open and return that of the one entered, if any.

    A term that was opened beside that of the state, for another side to act, goes on.
    left: None for what is new, and so has no terms yet.
    """
    session = step.store.session
    terms = [] if left is None else lock_terms(session, step.entity.ref)
    for term in terms:
        if left and term.clock == left.clock and not term.whole and term.met_at is None:
            meet(session, term, step.at)
    follow_whole(step, next((one for one in terms if one.whole), None), entered)
    return open_term(step, entered.clock, entered) if entered.clock else None


def meet(session: Session, term: Deadline, at: datetime) -> None:
    """Note that what a term is for has happened; one that could not be counted alarms no more."""
    term.met_at = at
    if not term.working_days:
        alarms.clear_alarm(session, ALARM, term.entity_ref, term.clock, at=at)


def lock_terms(session: Session, entity_ref: str) -> list[Deadline]:
    """Return the running terms of an entity and that of its whole matter, locked."""
    return list(
        session.scalars(
            select(Deadline)
            .where(Deadline.entity_ref == entity_ref)
            .where(or_(Deadline.met_at.is_(None), Deadline.whole))
            .order_by(Deadline.id)
            .with_for_update()
        )
    )


def follow_whole(step: Step, term: Deadline | None, entered: State) -> None:
    """Open, stop, take up again or meet the term of the whole matter."""
    begins = step.workflow.term
    if term is None:
        if begins and entered.name in begins.starts:
            open_term(step, begins.clock, entered, whole=True)
        return
    if term.met_at is not None:
        return
    before = term.due.pauses
    pauses = turn_pauses(before, step.today, entered)
    if entered.final or entered.decided:
        term.met_at = step.at
    elif entered.owner:  # whoever has the matter answers for the whole of it
        term.owner, term.organisation_id = entered.owner, organisation_of(step, entered)
    if pauses != before:
        keep_pauses(term, pauses)
        count_anew(
            step.store.session, term, read_table(step.store.session), step.rules.clocks, step.at
        )


def open_term(
    step: Step, clock: str, state: State, *, whole: bool = False, since: date | None = None
) -> Deadline:
    """Open and return a term of the rule pack that the entity is pinned to, from today on.

    since: from an earlier day, for a term that only another version of the workflow knows.
    """
    session = step.store.session
    term = Deadline(
        case_id=step.case.id if step.workflow.entity in {"case", "requirement"} else None,
        record_id=step.record.id,
        entity_ref=step.entity.ref,
        clock=clock,
        whole=whole,
        owner=state.owner,
        organisation_id=organisation_of(step, state),
        starts_on=since or step.today,
        working_days=0,
        extended_by=0,
        pauses=[],
        due_on=step.today,
        provisional=True,
        skipped=[],
        made_up=[],
    )
    count_anew(session, term, read_table(session), step.rules.clocks, step.at)
    session.add(term)
    return term


def extend(step: Step, clock: str, days: int, reason: str) -> None:
    """Prolong a running term of the step's entity by so many working days.

    reason: why, as it stands in the step's event. Raises ValueError without a reason, for less
    than one day, and for a term that does not run.
    """
    if days < 1 or not reason.strip():
        raise ValueError("an extension needs working days and a reason")
    session = step.store.session
    running = [one for one in lock_terms(session, step.entity.ref) if one.met_at is None]
    term = next((one for one in running if one.clock == clock), None)
    if term is None:
        raise ValueError(f"{step.entity.ref} has no running term {clock}")
    term.extended_by += days
    count_anew(session, term, read_table(session), step.rules.clocks, step.at)


def organisation_of(step: Step, state: State) -> int | None:
    """Return the organisation whose turn it is; None where anybody of the role may act."""
    owner = state.owner
    if step.workflow.entity == "requirement" and owner in {"institution", "provider"}:
        # An institution, or an agency that was consulted; else the provider of the case.
        chosen = step.requirement.institution_id
        if chosen or owner == "institution":
            return chosen
    if step.workflow.entity in {"case", "requirement"}:
        case = step.case
        parties = {
            "subject": case.subject_id,
            "provider": case.provider_id,
            "reviewer": called_in(step) or case.centre_id,
            "department": case.department_id,
        }
    else:
        record = step.record
        parties = {"subject": record.subject_id, "provider": record.provider_id}
        if step.workflow.entity == "sanction":
            parties["department"] = step.sanction.department_id
    return parties.get(owner or "")


def called_in(step: Step) -> int | None:
    """Return the centre to which a requirement was handed over beside its case; None for none.

    Nobody at the centre of the case can act on it, so it lies on the other one's list.
    """
    higher = step.case.higher_centre_id
    if higher is None or step.workflow.entity != "requirement":
        return None
    return higher if step.store.has_happened(step.entity.ref, "delegate") else None


# --- counting --------------------------------------------------------------------------------


# A term without a length could not be computed: it is due at once, and there is an alarm.


def count_anew(
    session: Session, term: Deadline, table: Table, clocks: Mapping[str, Clock], at: datetime
) -> None:
    """Count a term's last day by a calendar, or raise an alarm.

    clocks: of the rule pack; asked for a term that has no length yet.

    What cannot be counted keeps the day that it has.
    """
    days = term.working_days
    try:
        days = days or clocks[term.clock].working_days
        due = add_working_days(
            term.starts_on, days, table, pauses=term.due.pauses, extended_by=term.extended_by
        )
    except INCOMPUTABLE as error:
        text = f"{type(error).__name__}: {error}"
        alarms.raise_alarm(session, ALARM, term.entity_ref, term.clock, text, at=at)
        return
    term.working_days = days
    keep_count(term, due, table, at)


def keep_count(term: Deadline, due: DueDate, table: Table, at: datetime) -> None:
    """Write down how a term was counted; marks of a day that is not over any more fall away."""
    if due.due_on > term.due_on and due.due_on >= local_date(at):
        term.reminded_at = term.overdue_at = None
    term.due_on = due.due_on
    term.provisional = due.provisional
    term.skipped = [[day.isoformat(), reason] for day, reason in due.skipped]
    term.made_up = [day.isoformat() for day in due.made_up]
    term.calendar_edition = table.edition or None


def is_overdue(day: date) -> ColumnElement[bool]:
    """Return the SQL condition for running terms that are over on a day.

    A term that stands still is over only if it was so before it was stopped.
    """
    return and_(
        Deadline.met_at.is_(None),
        Deadline.due_on < day,
        or_(Deadline.paused_on.is_(None), Deadline.due_on < Deadline.paused_on),
    )


# --- pauses ----------------------------------------------------------------------------------


def turn_pauses(pauses: Iterable[Pause], day: date, entered: State) -> tuple[Pause, ...]:
    """Return the pauses after a state was entered on a day: the last ended, a new one begun."""
    turned = (Pause(one.since, one.until or day, one.why) for one in pauses)
    if entered.pauses and not (entered.final or entered.decided):
        return (*turned, Pause(day, None, entered.name))
    return tuple(turned)


def keep_pauses(term: Deadline, pauses: Iterable[Pause]) -> None:
    """Write down the pauses of a term."""
    told = list(pauses)
    term.pauses = [
        [one.since.isoformat(), one.until.isoformat() if one.until else None, one.why]
        for one in told
    ]
    term.paused_on = next((one.since for one in told if one.until is None), None)


def take_up_again(step: Step, term: Deadline) -> None:
    """Let a term that stands still run on from today, and count its last day anew.

    The rules are those of what the term belongs to; it has its length already.
    """
    ended = (Pause(one.since, one.until or step.today, one.why) for one in term.due.pauses)
    keep_pauses(term, ended)
    count_anew(step.store.session, term, read_table(step.store.session), step.rules.clocks, step.at)


def pauses_in_log(
    workflows: Mapping[tuple[str, str], Workflow], events: Iterable[Happened]
) -> tuple[Pause, ...]:
    """Return the pauses of a whole matter as its events tell them, oldest event first.

    workflows: by name and version. What happened before the term began, or after it was met, does
    not stop it.
    """
    pauses: tuple[Pause, ...] = ()
    passed: set[str] = set()  # under an earlier version perhaps, which knew no such term
    for day, workflow, entered in moves_in(workflows, events):
        if workflow.term and not passed.isdisjoint(workflow.term.starts):
            pauses = turn_pauses(pauses, day, entered)
            if entered.final or entered.decided:
                break
        passed.add(entered.name)
    return pauses


def moves_in(
    workflows: Mapping[tuple[str, str], Workflow], events: Iterable[Happened]
) -> Iterator[tuple[date, Workflow, State]]:
    """Yield when a state was entered, and which, for each event that changed state or version."""
    for event in events:
        content = json.loads(event.payload)
        if content["from"] != content["to"] or content["transition"] in VERSION_STEPS:
            workflow = workflows[content["workflow"], content["workflow_version"]]
            yield local_date(event.at), workflow, workflow.states[content["to"]]


def list_events(session: Session, refs: Collection[str]) -> dict[str, list[Event]]:
    """Return the events of some entities, by reference, oldest first."""
    found: dict[str, list[Event]] = {ref: [] for ref in refs}
    for event in session.scalars(select(Event).where(Event.entity.in_(refs)).order_by(Event.id)):
        found[event.entity].append(event)
    return found
