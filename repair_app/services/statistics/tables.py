"""Tables of figures: what each of them says, in the reader's words."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from repair_app.access import organisations_as
from repair_app.db import db, today
from repair_app.labels import Label
from repair_app.models import Organisation, Role, User
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import clock_names
from repair_app.services.statistics import counts
from repair_app.services.statistics.counts import Figures, Group, Key, Taken
from repair_app.services.statistics.periods import (
    Period,
    is_chinese,
)

SHOWN: Final = 20  # providers; the rest is one line
ANSWER_NAMES: Final = {
    "filed": _l("Matters filed"),
    "in_time": _l("Answered in time"),
    "late": _l("Answered late"),
    "untimed": _l("Ended, without a term for the whole"),
    "open": _l("Still open"),
    "overdue": _l("Still open, overdue"),
    "ended": _l("Withdrawn or moot"),
}
ROLE_NAMES: Final = {
    "subject": _l("enterprise"),
    "agent": _l("agent"),
    "provider": _l("information provider"),
    "reviewer": _l("reviewer"),
    "department": _l("implementing department"),
    "institution": _l("credit service institution"),
    "system": _l("system"),
}
Value = int | float | str | None


@dataclass(frozen=True)
class Chart:
    """How a table is drawn: as lying bars, stacked bars or a line, of which of its columns."""

    kind: str  # bar, stack, line
    columns: tuple[int, ...]  # numbers of the table's columns; the first column names the rows


@dataclass(frozen=True)
class Table:
    """A table of figures; `chart` draws it, and None is a number that is not shown."""

    name: str  # in addresses
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Value]]
    chart: Chart | None = None
    note: str = ""

    @property
    def has_picture(self) -> bool:
        """Say whether there is something to draw: not where every number is nought or not shown."""
        drawn = self.chart.columns if self.chart else ()
        return any(row[column] for row in self.rows for column in drawn)


@dataclass(frozen=True)
class Asked:
    """What a board is made for."""

    user: User | None
    period: Period
    workflow: str

    @property
    def figures(self) -> Figures:
        """Return the counts of everything for the period."""
        return counts.figures_of(self.period, self.workflow)

    def seats(self, *roles: Role) -> list[int]:
        """Return the organisations for which the person holds one of these roles."""
        return organisations_as(self.user, *roles) if self.user else []


# --- words ----------------------------------------------------------------------------------------


def text_of(label: Label) -> str:
    """Return a label of the policy in the reader's language."""
    return label.zh if is_chinese() else label.en


def name_kind(workflow: str) -> str:
    """Return what a kind of matter is called."""
    found = current_policy().current.get(workflow)
    return text_of(found.label) if found else workflow


def name_state(workflow: str, state: str) -> str:
    """Return what a state is called, by the version in force or else by any that knows it."""
    policy = current_policy()
    versions = [policy.current.get(workflow), *policy.workflows.values()]
    for one in versions:
        if one is not None and one.name == workflow and state in one.states:
            return text_of(one.states[state].label)
    return state


def name_by_packs(kind: str, code: str) -> str:
    """Return what a code of the rule packs is called: of `classes`, `grounds` or `outcomes`."""
    policy = current_policy()
    for pack in (*policy.packs.values(), *policy.editions.values()):
        if code in getattr(pack, kind):
            return text_of(getattr(pack, kind)[code].label)
    return name_kind(code)


def name_organisations(ids: Collection[int]) -> dict[int, str]:
    """Return the names of organisations."""
    query = select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids))
    return dict(db.session.execute(query).all()) if ids else {}


def name_step(key: Key) -> str:
    """Return what a step is called: by the states that its term bounds."""
    names = clock_names(current_policy())
    return text_of(names[key[0]]) if key[0] in names else key[0]


# --- tables of matters ----------------------------------------------------------------------------


def by_answer(groups: Iterable[Group]) -> Counter[str]:
    """Return how many matters are in each of ANSWERS."""
    found: Counter[str] = Counter()
    for one in groups:
        found[one.answer] += one.count
    return found


def table_by(
    name: str,
    title: str,
    what: str,
    groups: Sequence[Group],
    key: Callable[[Group], Any],
    called: Callable[[Any], str],
) -> Table:
    """Return how many of each were filed, answered in time, late, are open, or taken back.

    what: what the rows are. key, called: of a matter, and its name; the most frequent comes first.
    """
    found: dict[Any, Counter[str]] = {}
    for one in groups:
        found.setdefault(key(one), Counter())[one.answer] += one.count
    order = sorted(found, key=lambda one: (-found[one].total(), str(one)))
    rows = [[called(one), *row_of(found[one])] for one in order]
    return Table(name, title, [what, *HEAD()], rows, Chart("stack", (2, 3, 4, 5)))


def HEAD() -> list[str]:  # noqa: N802  # the columns of nearly every table, in the reader's words
    """Return the columns of a table of matters."""
    names = ("filed", "in_time", "late", "open", "overdue", "ended", "untimed")
    return [str(ANSWER_NAMES[one]) for one in names]


def row_of(found: Mapping[str, int]) -> list[Value]:
    """Return a row of a table of matters, in the order of HEAD."""
    return [
        sum(found.values()),
        *(found.get(one, 0) for one in ("in_time", "late", "open", "overdue", "ended", "untimed")),
    ]


def overview(groups: Sequence[Group]) -> Table:
    """Return what became of the matters that were filed."""
    found = by_answer(groups)
    filed = found.total()
    rows: list[list[Value]] = [[str(ANSWER_NAMES["filed"]), filed, percent(filed, filed)]]
    rows += [
        [str(ANSWER_NAMES[one]), found[one], percent(found[one], filed)] for one in counts.ANSWERS
    ]
    return Table(
        "overview",
        gettext("What became of the matters filed in this period"),
        [gettext("Result"), gettext("Number of matters"), gettext("Share")],
        rows,
        Chart("bar", (1,)),
        gettext(
            "In time: answered on the last day of the term of the whole matter or before. What was "
            "withdrawn, or had nothing left to answer, is no answer."
        ),
    )


def percent(part: int, whole: int) -> str:
    """Return a share as people read it; a dash of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else "—"


def by_month(asked: Asked, figures: Figures) -> Table:
    """Return how many matters were filed and answered in each month, quarter or year."""
    rows: list[list[Value]] = [
        [
            step.name,
            *(
                sum(count for day, count in days.items() if step.first <= day <= step.last)
                for days in figures.days.values()
            ),
        ]
        for step in asked.period.steps()
    ]
    return Table(
        "by_month",
        gettext("Filed and answered, as time goes"),
        [
            gettext("Time"),
            *(str(ANSWER_NAMES[one]) for one in ("filed", "in_time", "late")),
        ],
        rows,
        Chart("line", (1, 2, 3)),
        gettext("Answered: on a day of that time, whenever the matter was filed."),
    )


def by_kind(groups: Sequence[Group]) -> Table:
    """Return the matters by kind."""
    title, what = gettext("By kind of matter"), gettext("Matter")
    return table_by("by_kind", title, what, groups, lambda one: one.workflow, name_kind)


def by_provider(groups: Sequence[Group]) -> Table:
    """Return the matters by provider: those with the most, the rest together."""
    filed: Counter[int] = Counter()
    for one in groups:
        filed[one.provider_id] += one.count
    first = [one for one, _ in sorted(filed.items(), key=lambda it: (-it[1], it[0]))[:SHOWN]]
    names = name_organisations(first)
    shown = set(first)
    table = table_by(
        "by_provider",
        gettext("By information provider"),
        gettext("Information provider"),
        groups,
        lambda one: one.provider_id if one.provider_id in shown else 0,
        lambda one: names.get(one, gettext("All others together")),
    )
    others = [row for row in table.rows if row[0] == gettext("All others together")]
    rows = [row for row in table.rows if row not in others] + others
    return Table(table.name, table.title, table.head, rows, table.chart)


def by_ground(groups: Sequence[Group]) -> Table:
    """Return the objections by ground; other matters have none."""
    return table_by(
        "by_ground",
        gettext("Objections by ground"),
        gettext("Ground"),
        of_objections(groups),
        lambda one: one.ground,
        lambda code: name_by_packs("grounds", code),
    )


def of_objections(groups: Iterable[Group]) -> list[Group]:
    """Return the matters that rest on a ground."""
    return [one for one in groups if one.workflow == "objection"]


def by_tier(groups: Sequence[Group]) -> Table:
    """Return the matters by the class of their record."""
    return table_by(
        "by_tier",
        gettext("By class of the record"),
        gettext("Class"),
        groups,
        lambda one: one.severity,
        lambda code: name_by_packs("classes", code),
    )


def by_outcome(groups: Sequence[Group]) -> Table:
    """Return how the matters stand or ended, with the outcome where there is one."""
    found: Counter[tuple[str, str, str | None]] = Counter()
    for one in groups:
        found[one.workflow, one.stands, one.outcome] += one.count
    order = sorted(found, key=lambda one: (-found[one], str(one)))
    rows: list[list[Value]] = [
        [name_end(*one), name_kind(one[0]), found[one]] for one in order[:SHOWN]
    ]
    if rest := sum(found[one] for one in order[SHOWN:]):
        rows.append([gettext("All others together"), "—", rest])
    head = [gettext("State or outcome"), gettext("Matter"), gettext("Number of matters")]
    return Table("by_outcome", gettext("By outcome"), head, rows, Chart("bar", (2,)))


def name_end(workflow: str, state: str, outcome: str | None) -> str:
    """Return how a matter stands, and its outcome if it has one."""
    words = name_state(workflow, state)
    return f"{words} · {name_by_packs('outcomes', outcome)}" if outcome else words


def steps_table(steps: Mapping[Key, Taken], beside: Mapping[Key, Taken] | None = None) -> Table:
    """Return how many working days each step took, the longest first. beside: of all units."""
    order = sorted(steps, key=lambda one: (-(steps[one].median or 0), -steps[one].count, one))
    rows: list[list[Value]] = []
    for key in order:
        taken = steps[key]
        row: list[Value] = [
            name_step(key),
            str(ROLE_NAMES.get(key[1], key[1])),
            taken.count,
            taken.median,
            taken.share(0.9),
            taken.late,
        ]
        rows.append(
            row if beside is None else [*row, beside[key].median if key in beside else None]
        )
    head = [
        gettext("Step"),
        gettext("Whose turn"),
        gettext("Times"),
        gettext("Median working days"),
        gettext("9 of 10 within"),
        gettext("Late"),
    ]
    if beside is not None:
        head.append(gettext("Median, all units"))
    columns = (3,) if beside is None else (3, 6)
    return Table(
        "steps",
        gettext("Working days that each step took"),
        head,
        rows,
        Chart("bar", columns),
        gettext(
            "Steps that ended in this period: from the day on which the state was entered, which "
            "is not counted, to the day on which it was left."
        ),
    )


# --- what is late, and what is suspended ----------------------------------------------------------


def overdue_table(found: Mapping[str, int]) -> Table:
    """Return how many turns are overdue now, by whose turn it is."""
    order = sorted(found, key=lambda one: (-found[one], one))
    rows: list[list[Value]] = [[str(ROLE_NAMES.get(one, one)), found[one]] for one in order]
    head = [gettext("Whose turn"), gettext("Overdue")]
    return Table("overdue", gettext("Overdue now"), head, rows, Chart("bar", (1,)))


def laggards_table(figures: Figures) -> Table:
    """Return the providers that are late, and the slowest of the others."""
    names = name_organisations([one.provider_id for one in figures.laggards])
    rows: list[list[Value]] = [
        [
            names.get(one.provider_id, ""),
            one.overdue,
            one.since.isoformat() if one.since else "—",
            one.late,
            one.taken.median,
        ]
        for one in figures.laggards
    ]
    head = [
        gettext("Information provider"),
        gettext("Overdue now"),
        gettext("The oldest since"),
        gettext("Late in this period"),
        gettext("Median working days"),
    ]
    title = gettext("Providers that keep others waiting")
    note = gettext(
        "First those with the most overdue, then the most late; after them those that take longer "
        "than is usual: by the median of all their turns in this period, of three or more."
    )
    return Table("laggards", title, head, rows, Chart("bar", (1, 3)), note)


def suspended_table(period: Period, found: Sequence[int]) -> Table:
    """Return how many sanctions stood suspended at the end of each month."""
    steps = [one for one in period.steps() if one.first <= today()]
    rows: list[list[Value]] = [
        [step.name, min(step.last, today()).isoformat(), count]
        for step, count in zip(steps, found, strict=False)
    ]
    return Table(
        "suspended",
        gettext("Sanctions not executed while the record is verified"),
        [gettext("Time"), gettext("At the end of"), gettext("Suspended sanctions")],
        rows,
        Chart("line", (2,)),
        gettext("The last line is how it stands on its day."),
    )
