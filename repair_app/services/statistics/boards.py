"""Boards of figures, by reader: each table is also drawn, and can be taken away."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from repair_app.access import CONFIDENTIAL, visible_to
from repair_app.db import today
from repair_app.engine.enforcement import INCIDENTS
from repair_app.engine.spec import Workflow
from repair_app.models import Role, User
from repair_app.services.policy import current_policy
from repair_app.services.statistics import counts
from repair_app.services.statistics.counts import Group
from repair_app.services.statistics.for_public import board_of_public
from repair_app.services.statistics.periods import (
    Period,
    last_months,
    last_whole_quarter,
    recent,
    whole_quarters,
)
from repair_app.services.statistics.tables import (
    ANSWER_NAMES,
    Asked,
    Chart,
    Table,
    Value,
    by_answer,
    by_ground,
    by_kind,
    by_month,
    by_outcome,
    by_provider,
    by_tier,
    laggards_table,
    name_kind,
    name_state,
    overdue_table,
    overview,
    percent,
    steps_table,
    suspended_table,
    text_of,
)

COUNTED: Final = ("all", "provider", "public")  # boards of figures that are kept for a while
PUBLIC_KINDS: Final = ("objection", "repair")
ALL_SEEING: Final = (Role.REVIEWER, Role.AUDITOR)
# Who sees which board; a person of several roles chooses.
AUDIENCES: Final[Mapping[str, tuple[Role, ...]]] = {
    "all": ALL_SEEING,
    "provider": (Role.PROVIDER,),
    "department": (Role.DEPARTMENT,),
    "institution": (Role.INSTITUTION,),
    "subject": (Role.SUBJECT, Role.AGENT),
}
OFFICIALS: Final = (Role.REVIEWER, Role.AUDITOR, Role.PROVIDER, Role.DEPARTMENT, Role.INSTITUTION)
AUDIENCE_NAMES: Final = {
    "all": _l("All units"),
    "provider": _l("Our unit"),
    "department": _l("Our department"),
    "institution": _l("Our institution"),
    "subject": _l("Our enterprise"),
    "public": _l("Public figures"),
}


@dataclass(frozen=True)
class Board:
    """What one reader sees of a period."""

    audience: str
    period: Period
    workflow: str
    tables: Sequence[Table]
    audiences: Sequence[str] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)  # of matters, to choose from
    counted_at: datetime | None = None  # None: now

    def find(self, name: str) -> Table | None:
        """Return the table of a name, if there is one."""
        return next((one for one in self.tables if one.name == name), None)


def build(
    user: User | None, audience: str = "", period: Period | None = None, workflow: str = ""
) -> Board:
    """Return the board of a reader.

    user: None for the public. audience: one of AUDIENCES that the person belongs to; else the
    first that they do. workflow: "" for all kinds of matter; unknown kinds are none.
    """
    mine = audiences_of(user)
    chosen = audience if audience in mine else mine[0]
    kinds = list_kinds(chosen)
    period = period or last_months()
    if chosen == "public":
        period = public_period(period)
        workflow = workflow if workflow in PUBLIC_KINDS else PUBLIC_KINDS[0]
    elif workflow not in kinds:
        workflow = ""
    tables = MAKERS[chosen](Asked(user, period, workflow))
    counted = counts.figures_of(period, workflow).counted_at if chosen in COUNTED else None
    return Board(chosen, period, workflow, tables, mine, kinds, counted)


def public_period(asked: Period) -> Period:
    """Return the quarter that the public reads: the one asked for, or the last that is over."""
    if asked.name in whole_quarters():
        return asked
    return last_whole_quarter(misread=asked != last_months())


def build_whole(period: Period, workflow: str = "") -> Board:
    """Return the board of all units, for a command of the operator's."""
    kinds = list_kinds("all")
    return Board("all", period, workflow, board_of_all(Asked(None, period, workflow)), (), kinds)


def periods_for(audience: str) -> dict[str, list[str]]:
    """Return the months, quarters and years that a reader of a board may choose from."""
    return {"quarters": whole_quarters()} if audience == "public" else recent()


def audiences_of(user: User | None) -> list[str]:
    """Return the boards that a person may choose from; everybody the public one, last."""
    roles = {one.role for one in user.current_appointments} if user else set()
    return [*(name for name, some in AUDIENCES.items() if roles & set(some)), "public"]


def list_kinds(audience: str) -> dict[str, str]:
    """Return the kinds of matter to choose from, by name: what each is called."""
    flows = current_policy().current
    names = PUBLIC_KINDS if audience == "public" else kinds_of_cases(flows.values())
    return {name: text_of(flows[name].label) for name in names}


def kinds_of_cases(flows: Iterable[Workflow]) -> list[str]:
    """Return the kinds of matter that figures are about: the two main kinds first."""
    names = [one.name for one in flows if one.entity == "case"]
    rest = (one for one in names if one not in {*PUBLIC_KINDS, *CONFIDENTIAL})
    return [*PUBLIC_KINDS, *sorted(rest)]


# --- boards ---------------------------------------------------------------------------------------


def board_of_all(asked: Asked) -> list[Table]:
    """Return the board of reviewers and auditors: everything."""
    figures = asked.figures
    groups = figures.groups
    return [
        overview(groups),
        by_month(asked, figures),
        by_kind(groups),
        by_provider(groups),
        by_ground(groups),
        by_outcome(groups),
        by_tier(groups),
        steps_table(figures.steps),
        suspended_table(asked.period, figures.suspended),
        overdue_table(figures.overdue),
        laggards_table(figures),
    ]


def board_of_provider(asked: Asked) -> list[Table]:
    """Return the board of a provider: its own figures, and the average of all beside them."""
    own = set(asked.seats(Role.PROVIDER))
    groups = [one for one in asked.figures.groups if one.provider_id in own]
    steps = counts.count_steps(asked.period, asked.workflow, [Role.PROVIDER], own)
    theirs = {key: one for key, one in asked.figures.steps.items() if key[1] == Role.PROVIDER}
    return [
        beside_average(groups, asked.figures.groups),
        by_kind(groups),
        by_ground(groups),
        by_outcome(groups),
        by_tier(groups),
        steps_table(steps, theirs),
    ]


def beside_average(own: Sequence[Group], everybody: Sequence[Group]) -> Table:
    """Return the figures of a provider beside the average of all providers."""
    mine, all_of_them = by_answer(own), by_answer(everybody)
    units = len({one.provider_id for one in everybody}) or 1
    names: list[tuple[str, int, int]] = [("filed", mine.total(), all_of_them.total())]
    names += [(one, mine[one], all_of_them[one]) for one in counts.ANSWERS]
    rows: list[list[Value]] = [
        [
            str(ANSWER_NAMES[name]),
            count,
            percent(count, mine.total()),
            round(whole / units, 1),
            percent(whole, all_of_them.total()),
        ]
        for name, count, whole in names
    ]
    head = [
        gettext("Result"),
        gettext("Our unit"),
        gettext("Share"),
        gettext("Average of all units"),
        gettext("Share, all units"),
    ]
    title = gettext("Our matters, beside the average of all units")
    return Table("overview", title, head, rows, Chart("bar", (1, 3)))


def board_of_department(asked: Asked) -> list[Table]:
    """Return the board of an implementing department: its measures."""
    own = asked.seats(Role.DEPARTMENT)
    states = counts.count_measures(own)
    ordered = sorted(states.items(), key=lambda one: -one[1])
    standing: list[list[Value]] = [
        [name_state("sanction", state), count] for state, count in ordered
    ]
    fed_back: list[list[Value]] = [
        [name_execution(executed, incident), count]
        for executed, incident, count in counts.count_executions(own, asked.period)
    ]
    days = [min(one.last, today()) for one in asked.period.steps() if one.first <= today()]
    return [
        Table(
            "measures",
            gettext("Our measures, as they stand today"),
            [gettext("State"), gettext("Number of measures")],
            standing,
            Chart("bar", (1,)),
        ),
        Table(
            "executions",
            gettext("What was fed back in this period"),
            [gettext("Feedback"), gettext("Times")],
            fed_back,
            Chart("bar", (1,)),
        ),
        suspended_table(asked.period, counts.count_suspended(days, own)),
    ]


def name_execution(executed: bool, incident: str | None) -> str:
    """Return what was fed back, and why a measure must not have been carried out."""
    words = gettext("carried out") if executed else gettext("not carried out")
    known = INCIDENTS.get(incident or "")
    return f"{words} · {text_of(known)}" if known else str(words)


def board_of_institution(asked: Asked) -> list[Table]:
    """Return the board of a credit service institution: requests, and how long they took."""
    own = asked.seats(Role.INSTITUTION)
    found = counts.count_requests(own, asked.period)
    taken = counts.count_steps_of_requests(own, asked.period)
    names = ("in_time", "late", "open", "overdue")
    rows: list[list[Value]] = []
    for flow in sorted({flow for flow, _ in found}):
        each = [found.get((flow, name), 0) for name in names]
        median = taken[flow].median if flow in taken else None
        rows.append([name_kind(flow), sum(each), *each, median])
    head = [
        gettext("Request"),
        gettext("Received"),
        *(str(ANSWER_NAMES[name]) for name in names),
        gettext("Median working days"),
    ]
    title = gettext("What we were asked for in this period")
    return [Table("requests", title, head, rows, Chart("stack", (2, 3, 4, 5)))]


def board_of_subject(asked: Asked) -> list[Table]:
    """Return the board of an enterprise: its own matters."""
    if asked.user is None:
        return []
    return [by_kind(counts.of_person(asked.user, asked.period, visible_to(asked.user)))]


MAKERS: Final[Mapping[str, Callable[[Asked], list[Table]]]] = {
    "all": board_of_all,
    "provider": board_of_provider,
    "department": board_of_department,
    "institution": board_of_institution,
    "subject": board_of_subject,
    "public": board_of_public,
}
