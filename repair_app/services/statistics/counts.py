"""What the database is asked: counts by group, never a row of a matter.

Which matters: those filed within a period (drafts are nobody's business but their owner's). Kept
out everywhere is what is confidential (`access.CONFIDENTIAL`). A matter is answered when the term
of the whole of it is met, and in time when that was on its last day or before; the day is that of
Asia/Shanghai. Working days are counted by the calendar as it stands, the first day not.

What was counted is kept by each process for a while (`mark_of`): the pictures of a page are drawn
from the numbers of its tables, and a large store is not counted through for each reader.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate
from threading import Lock
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Date, Select, and_, case, func, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from repair_app.access import CONFIDENTIAL
from repair_app.calendar import NOTHING_ENTERED, Table, is_working_day
from repair_app.db import db, now, today
from repair_app.engine.days import read_table
from repair_app.engine.deadlines import is_overdue
from repair_app.models import (
    Case,
    CreditRecord,
    Deadline,
    Event,
    Requirement,
    Role,
    Sanction,
    SanctionExecution,
    SanctionSuspension,
    User,
)
from repair_app.services.policy import current_policy
from repair_app.services.statistics.periods import Period

# Ends that are no answer: the matter was taken back, or there was nothing left to answer.
UNANSWERED: Final = ("withdrawn", "moot", "joined", "discarded", "called_off", "recalled")
ANSWERS: Final = ("in_time", "late", "untimed", "open", "overdue", "ended")
DRAFTS: Final = ("draft_objection", "draft_repair")  # clocks of what nobody has filed yet
KEPT: Final = 300  # seconds
REMEMBERED: Final = 128  # questions
MANY_STEPS: Final = 50_000  # ever taken: until then figures are always those of this moment
LAGGARDS: Final = 10
SLOWEST: Final = 10
FEWEST: Final = 3  # turns: who had fewer is not called slow
T = TypeVar("T")


class local_day(FunctionElement[date]):  # noqa: N801  # reads as the SQL function that it is
    """The date of a moment where the law counts its days; China's clock is never put forward."""

    type = Date()
    inherit_cache = True
    name = "local_day"


@compiles(local_day, "sqlite")
def _local_day_on_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    return f"date({compiler.process(element.clauses, **words)}, '+8 hours')"


@compiles(local_day, "postgresql")
def _local_day_on_postgresql(element: Any, compiler: Any, **words: Any) -> str:
    return f"(({compiler.process(element.clauses, **words)}) AT TIME ZONE 'Asia/Shanghai')::date"


# --- matters --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Matters that are alike in everything that figures ask, and how many there are."""

    workflow: str
    provider_id: int
    ground: str
    severity: str
    stands: str  # the state
    outcome: str | None
    answer: str  # one of ANSWERS
    count: int


def answered_how() -> ColumnElement[str]:
    """Return one of ANSWERS for a case and the term of its whole, if it has one."""
    return case(
        (Case.state.in_(UNANSWERED), "ended"),
        (and_(Deadline.id.is_(None), Case.closed_at.is_not(None)), "untimed"),
        (is_overdue(today()), "overdue"),
        (Deadline.met_at.is_(None), "open"),
        (local_day(Deadline.met_at) <= Deadline.due_on, "in_time"),
        else_="late",
    )


def filed_in(period: Period, workflow: str) -> ColumnElement[bool]:
    """Return the SQL condition for the matters that were filed in a period."""
    return and_(
        Case.submitted_at >= period.begins,
        Case.submitted_at < period.ends,
        Case.workflow.not_in(CONFIDENTIAL),
        Case.workflow == workflow if workflow else true(),
    )


def count_groups(
    period: Period, workflow: str, only: ColumnElement[bool] | None = None
) -> tuple[Group, ...]:
    """Return the matters filed in a period, in groups. only: those of a person."""
    each = (
        select(
            Case.workflow,
            Case.provider_id,
            Case.ground,
            CreditRecord.severity_class,
            Case.state,
            Case.outcome,
            answered_how().label("answer"),
        )
        .join(CreditRecord, CreditRecord.id == Case.record_id)
        .outerjoin(Deadline, and_(Deadline.case_id == Case.id, is_of_the_whole()))
        .where(filed_in(period, workflow), only if only is not None else true())
        .subquery()
    )
    return tuple(Group(*row) for row in db.session.execute(grouped(each)))


def is_of_the_whole() -> ColumnElement[bool]:
    """Return the SQL condition for the term of a whole matter, beside its case."""
    return and_(Deadline.whole, Deadline.entity_ref == Case.ref)


def grouped(each: Any) -> Select[Any]:
    """Return the query for how often each row of a query comes."""
    return select(*each.c, func.count()).group_by(*each.c)


def count_days(period: Period, workflow: str) -> dict[str, Counter[date]]:
    """Return how many matters were filed, answered in time, and late, on each day of a period."""
    filed = select(local_day(Case.submitted_at).label("day")).where(filed_in(period, workflow))
    answered = (
        select(
            local_day(Deadline.met_at).label("day"),
            case((local_day(Deadline.met_at) <= Deadline.due_on, 1), else_=0).label("in_time"),
        )
        .join(Case, Case.id == Deadline.case_id)
        .where(
            is_of_the_whole(),
            Deadline.met_at >= period.begins,
            Deadline.met_at < period.ends,
            Case.state.not_in(UNANSWERED),
            Case.workflow.not_in(CONFIDENTIAL),
            Case.workflow == workflow if workflow else true(),
        )
    )
    found: dict[str, Counter[date]] = {name: Counter() for name in ("filed", "in_time", "late")}
    for day, count in db.session.execute(grouped(filed.subquery())):
        found["filed"][day] += count
    for day, in_time, count in db.session.execute(grouped(answered.subquery())):
        found["in_time" if in_time else "late"][day] += count
    return found


# --- steps ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """How long a step took, as often as it was taken: working days -> how often; and how late."""

    days: Counter[int]
    late: int

    @property
    def count(self) -> int:
        """Return how often."""
        return self.days.total()

    def share(self, part: float) -> int | None:
        """Return within how many working days this part was done; None of nothing."""
        return quantile(self.days, part)

    @property
    def median(self) -> float | None:
        """Return the middle one; between the middle two, of an even number."""
        if not self.count:
            return None
        ordered = sorted(self.days.items())
        ends = list(accumulate(count for _, count in ordered))
        low, high = (
            ordered[bisect_right(ends, place)][0]
            for place in ((self.count - 1) // 2, self.count // 2)
        )
        return (low + high) / 2


def quantile(days: Counter[int], part: float) -> int | None:
    """Return the least number of days within which this part of all lies."""
    reached = 0
    for one, count in sorted(days.items()):
        reached += count
        if reached >= part * days.total():
            return one
    return None


Key = tuple[str, str]  # clock, whose turn


def count_steps(
    period: Period,
    workflow: str,
    owners: Collection[str] = (),
    organisations: Collection[int] | None = None,
) -> dict[Key, Taken]:
    """Return how long each step took that ended in a period.

    A step is what happens while a state lasts. Its term begins when the state is entered and is
    met when it is left, by the same two events: it is those that are counted, grouped by day.
    owners, organisations: only the turns of these.
    """
    each = steps_ended(period, workflow)
    if owners:
        each = each.where(Deadline.owner.in_(owners))
    if organisations is not None:
        each = each.where(Deadline.organisation_id.in_(organisations))
    rows = db.session.execute(grouped(each.subquery())).all()
    between = WorkingDays(read_table(db.session()))
    found: dict[Key, Taken] = {}
    for clock, owner, since, until, late, count in rows:
        taken = found.get((clock, owner), Taken(Counter(), 0))
        taken.days[between.count(since, until)] += count
        found[clock, owner] = Taken(taken.days, taken.late + late * count)
    return found


def steps_ended(period: Period, workflow: str) -> Select[Any]:
    """Return the query for the steps of matters that ended in a period.

    The matter is looked at only where its kind is asked for: that is most of the work.
    """
    asked = select(
        Deadline.clock,
        Deadline.owner,
        Deadline.starts_on,
        local_day(Deadline.met_at).label("until"),
        case((local_day(Deadline.met_at) > Deadline.due_on, 1), else_=0).label("late"),
    ).where(
        Deadline.case_id.is_not(None),
        Deadline.whole.is_(False),
        Deadline.clock.not_in((*DRAFTS, *confidential_clocks())),
        Deadline.met_at >= period.begins,
        Deadline.met_at < period.ends,
    )
    if not workflow:
        return asked
    return asked.join(Case, Case.id == Deadline.case_id).where(Case.workflow == workflow)


def confidential_clocks() -> set[str]:
    """Return the terms of what is confidential, in any version."""
    flows = current_policy().workflows.values()
    hidden = (one for one in flows if one.name in CONFIDENTIAL)
    return {state.clock for one in hidden for state in one.states.values() if state.clock}


class WorkingDays:
    """Counts the working days from one day to another, by one calendar."""

    def __init__(self, table: Table = NOTHING_ENTERED) -> None:
        self.table = table
        self.first = date.max
        self.until: list[int] = []  # working days up to and with each day, from `first` on

    def count(self, since: date, until: date) -> int:
        """Return how many working days come after a day, up to and with another."""
        if until <= since:
            return 0
        self.reach(since, until)
        return self.until[(until - self.first).days] - self.until[(since - self.first).days]

    def reach(self, since: date, until: date) -> None:
        """Have counted these days, a year to either side."""
        last = self.first + timedelta(days=len(self.until)) if self.until else date.min
        if self.until and since >= self.first and until < last:
            return
        first = min(since - timedelta(days=366), self.first)
        after = max(until + timedelta(days=366), last)
        days = (first + timedelta(days=one) for one in range((after - first).days))
        self.until = list(accumulate(int(is_working_day(day, self.table)) for day in days))
        self.first = first


# --- what is late now -----------------------------------------------------------------------------


def count_overdue(workflow: str) -> dict[str, int]:
    """Return how many turns are overdue now, by whose turn it is."""
    late = (
        select(Deadline.owner.label("owner"))
        .join(Case, Case.id == Deadline.case_id)
        .where(turn_is_overdue(), Case.workflow == workflow if workflow else true())
        .subquery()
    )
    return dict(db.session.execute(grouped(late)).all())


def turn_is_overdue() -> ColumnElement[bool]:
    """Return the SQL condition for turns of matters that are overdue now, beside their case."""
    return and_(is_overdue(today()), Deadline.whole.is_(False), Case.workflow.not_in(CONFIDENTIAL))


@dataclass(frozen=True)
class Laggard:
    """A provider with turns that are overdue, or were: now, in the period, and since when."""

    provider_id: int
    overdue: int
    since: date | None
    late: int
    taken: Taken


def list_laggards(period: Period, workflow: str) -> list[Laggard]:
    """Return the providers that are late, those with the most overdue first, then the most late.

    After them the slowest of the others: by the median of at least FEWEST turns, where it is above
    that of all providers together.
    """
    of_providers = and_(
        Deadline.owner == Role.PROVIDER.value, Deadline.organisation_id.is_not(None)
    )
    kind = Case.workflow == workflow if workflow else true()
    now_late = db.session.execute(
        select(Deadline.organisation_id, func.count(), func.min(Deadline.due_on))
        .join(Case, Case.id == Deadline.case_id)
        .where(of_providers, turn_is_overdue(), kind)
        .group_by(Deadline.organisation_id)
    ).all()
    was_late = db.session.execute(
        steps_ended(period, workflow)
        .where(of_providers, local_day(Deadline.met_at) > Deadline.due_on)
        .with_only_columns(Deadline.organisation_id, func.count())
        .group_by(Deadline.organisation_id)
    ).all()
    overdue: dict[int, int] = {one: count for one, count, _ in now_late if one}
    oldest: dict[int, date] = {one: since for one, _, since in now_late if one}
    late: dict[int, int] = {one: count for one, count in was_late if one}
    order = sorted(
        overdue.keys() | late.keys(),
        key=lambda one: (-overdue.get(one, 0), -late.get(one, 0), one),
    )[:LAGGARDS]
    took = count_by_provider(period, workflow)
    order += list_slowest({one: days for one, days in took.items() if one not in order}, took)
    nothing = Taken(Counter(), 0)
    return [
        Laggard(one, overdue.get(one, 0), oldest.get(one), late.get(one, 0), took.get(one, nothing))
        for one in order
    ]


def list_slowest(some: Mapping[int, Taken], everybody: Mapping[int, Taken]) -> list[int]:
    """Return which of some providers took longer than is usual with everybody, slowest first."""
    whole = sum((one.days for one in everybody.values()), Counter[int]())
    usual = Taken(whole, 0).median or 0
    medians = {one: taken.median or 0 for one, taken in some.items() if taken.count >= FEWEST}
    slow = (one for one, median in medians.items() if median > usual)
    return sorted(slow, key=lambda one: (-medians[one], one))[:SLOWEST]


def count_by_provider(period: Period, workflow: str) -> dict[int, Taken]:
    """Return how long each provider took over its turns."""
    each = (
        steps_ended(period, workflow)
        .where(
            Deadline.owner == Role.PROVIDER.value,
            Deadline.organisation_id.is_not(None),
        )
        .with_only_columns(
            Deadline.organisation_id,
            Deadline.starts_on,
            local_day(Deadline.met_at).label("until"),
        )
    )
    between = WorkingDays(read_table(db.session()))
    found: dict[int, Taken] = {}
    for one, since, until, count in db.session.execute(grouped(each.subquery())):
        found.setdefault(one, Taken(Counter(), 0)).days[between.count(since, until)] += count
    return found


# --- measures -------------------------------------------------------------------------------------


def count_suspended(days: Sequence[date], departments: Collection[int] | None = None) -> list[int]:
    """Return how many sanctions stood suspended at the end of each of these days."""
    if not days:
        return []
    begun, lifted = local_day(SanctionSuspension.suspended_at), SanctionSuspension.lifted_at
    each = (
        select(
            SanctionSuspension.sanction_id,
            begun.label("begun"),
            func.coalesce(local_day(lifted), date.max).label("lifted"),
        )
        .where(begun <= max(days))
        .distinct()
    )
    if departments is not None:
        each = each.join(Sanction).where(Sanction.department_id.in_(departments))
    held = each.subquery()
    counted = (
        func.count(
            case((and_(held.c.begun <= day, held.c.lifted > day), held.c.sanction_id)).distinct()
        )
        for day in days
    )
    return list(db.session.execute(select(*counted)).one())


def count_suspended_now() -> int:
    """Return how many sanctions stand suspended at this moment: the open ones, by their index."""
    held = func.count(SanctionSuspension.sanction_id.distinct())
    return db.session.scalar(select(held).where(SanctionSuspension.lifted_at.is_(None))) or 0


def count_measures(departments: Collection[int]) -> dict[str, int]:
    """Return how many measures of some departments stand in each state."""
    rows = db.session.execute(
        select(Sanction.state, func.count())
        .where(Sanction.department_id.in_(departments))
        .group_by(Sanction.state)
    )
    return dict(rows.all())


def count_executions(
    departments: Collection[int], period: Period
) -> list[tuple[bool, str | None, int]]:
    """Return what departments fed back in a period: carried out?, what was wrong, how often."""
    rows = db.session.execute(
        select(SanctionExecution.executed, SanctionExecution.incident, func.count())
        .join(Sanction)
        .where(
            Sanction.department_id.in_(departments),
            SanctionExecution.happened_on.between(period.first, period.last),
        )
        .group_by(SanctionExecution.executed, SanctionExecution.incident)
    )
    return [(bool(executed), incident, count) for executed, incident, count in rows]


def count_requests(institutions: Collection[int], period: Period) -> dict[tuple[str, str], int]:
    """Return what some institutions were asked for in a period: (workflow, answer) -> how often."""
    each = (
        select(
            Requirement.workflow,
            case(
                (is_overdue(today()), "overdue"),
                (Deadline.met_at.is_(None), "open"),
                (local_day(Deadline.met_at) <= Deadline.due_on, "in_time"),
                else_="late",
            ).label("answer"),
        )
        .join(Deadline, Deadline.entity_ref == Requirement.ref)
        .where(
            Requirement.institution_id.in_(institutions),
            Deadline.owner == Role.INSTITUTION.value,
            Deadline.starts_on.between(period.first, period.last),
        )
        .subquery()
    )
    return {(flow, answer): count for flow, answer, count in db.session.execute(grouped(each))}


def count_steps_of_requests(institutions: Collection[int], period: Period) -> dict[str, Taken]:
    """Return how long some institutions took over what they were asked for, by workflow."""
    each = (
        steps_ended(period, "")
        .join(Requirement, Requirement.ref == Deadline.entity_ref)
        .where(
            Requirement.institution_id.in_(institutions), Deadline.owner == Role.INSTITUTION.value
        )
        .with_only_columns(
            Requirement.workflow, Deadline.starts_on, local_day(Deadline.met_at).label("until")
        )
    )
    between = WorkingDays(read_table(db.session()))
    found: dict[str, Taken] = {}
    for flow, since, until, count in db.session.execute(grouped(each.subquery())):
        taken = found.setdefault(flow, Taken(Counter(), 0))
        taken.days[between.count(since, until)] += count
    return found


# --- kept for the pictures ------------------------------------------------------------------------


class Figures:
    """The counts of everything for a period and a kind of matter, each when it is asked for first.

    One is counted at a time of these, whoever asks: many readers of one page cost one count.
    """

    def __init__(self, period: Period, workflow: str) -> None:
        self.period = period
        self.workflow = workflow
        self.counted_at = now()
        self._lock = Lock()
        self._counted: dict[str, Any] = {}

    def _once(self, name: str, count: Callable[[], T]) -> T:
        """Return what was counted under a name; counted now where nobody has."""
        with self._lock:
            if name not in self._counted:
                self._counted[name] = count()
            found: T = self._counted[name]
            return found

    @property
    def groups(self) -> tuple[Group, ...]:
        """Return the matters that were filed, in groups."""
        return self._once("groups", lambda: count_groups(self.period, self.workflow))

    @property
    def days(self) -> dict[str, Counter[date]]:
        """Return how many were filed and answered on each day."""
        return self._once("days", lambda: count_days(self.period, self.workflow))

    @property
    def steps(self) -> dict[Key, Taken]:
        """Return how long each step took."""
        return self._once("steps", lambda: count_steps(self.period, self.workflow))

    @property
    def overdue(self) -> dict[str, int]:
        """Return how many turns are overdue now, by whose."""
        return self._once("overdue", lambda: count_overdue(self.workflow))

    @property
    def laggards(self) -> list[Laggard]:
        """Return the providers that are late, and the slowest of the others."""
        return self._once("laggards", lambda: list_laggards(self.period, self.workflow))

    @property
    def suspended(self) -> list[int]:
        """Return how many sanctions stood suspended at the end of each step of the period."""
        days = [min(one.last, today()) for one in self.period.steps()]
        return self._once("suspended", lambda: count_suspended(days))

    @property
    def suspended_now(self) -> int:
        """Return how many sanctions stand suspended."""
        return self._once("suspended_now", count_suspended_now)


def figures_of(period: Period, workflow: str) -> Figures:
    """Return the counts for a period and a kind of matter ("": all); counted when asked for."""
    return _figures(mark_of(db.session()), period, workflow)


def mark_of(session: Session) -> tuple[str, str, date, int]:
    """Return what changes when figures have to be counted anew.

    The last step, the day, and every KEPT seconds; where there have been more than MANY_STEPS, the
    steps do not count: figures are then as old as that at most.
    """
    last = session.execute(select(Event.id, Event.hash).order_by(Event.id.desc()).limit(1)).first()
    seal = last.hash if last and last.id <= MANY_STEPS else ""
    return str(db.engine.url), seal, today(), int(now().timestamp()) // KEPT


@lru_cache(maxsize=REMEMBERED)
def _figures(_mark: tuple[str, str, date, int], period: Period, workflow: str) -> Figures:
    return Figures(period, workflow)


def of_person(user: User, period: Period, visible: ColumnElement[bool]) -> tuple[Group, ...]:
    """Return the matters of a person's own enterprises that were filed in a period."""
    own = [
        one.organisation_id
        for one in user.current_appointments
        if one.role in {Role.SUBJECT, Role.AGENT}
    ]
    return count_groups(period, "", and_(Case.subject_id.in_(own), visible))
