"""What the public reads of the figures: totals only.

No firm and no agency is named, and no number below LEAST is shown, nor can it be computed from the
others (`guard_small`). So that two lists cannot be subtracted from each other, the public chooses
one kind of matter and one quarter that is over (`boards`): these never overlap.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask_babel import gettext

from repair_app.services.statistics import counts
from repair_app.services.statistics.counts import Figures
from repair_app.services.statistics.tables import (
    ANSWER_NAMES,
    Asked,
    Chart,
    Table,
    Value,
    by_answer,
    name_by_packs,
    name_end,
    of_objections,
    steps_table,
)

LEAST: Final = 3  # a smaller group is not shown to the public


def guard_small(numbers: Mapping[Any, int]) -> dict[Any, int | None]:
    """Return numbers as the public may read them: None for those that are not shown.

    Not shown is what is below LEAST, and with it the smallest others until two or more are left out
    that together are twice LEAST: so none of them follows from the sum. Nothing is shown as 0.
    """
    order = sorted((one for one in numbers if numbers[one]), key=lambda one: numbers[one])
    hidden = [one for one in order if numbers[one] < LEAST]
    for one in order[len(hidden) :]:
        together = sum(numbers[other] for other in hidden)
        if not hidden or (len(hidden) > 1 and together >= 2 * LEAST):
            break
        hidden.append(one)
    return {one: None if one in hidden else count for one, count in numbers.items()}


def board_of_public(asked: Asked) -> list[Table]:
    """Return the board of everybody: totals without names, nothing small."""
    figures = asked.figures
    groups = figures.groups
    filed = sum(one.count for one in groups)
    answers = by_answer(groups)
    return [
        guarded(
            "overview",
            gettext("What became of the matters filed in this period"),
            gettext("Result"),
            {str(ANSWER_NAMES[one]): answers[one] for one in counts.ANSWERS},
            total=filed,
        ),
        guarded(
            "by_outcome",
            gettext("By outcome"),
            gettext("State or outcome"),
            add_up((name_end(one.workflow, one.stands, one.outcome), one.count) for one in groups),
        ),
        guarded(
            "by_ground",
            gettext("Objections by ground"),
            gettext("Ground"),
            add_up(
                (name_by_packs("grounds", one.ground), one.count) for one in of_objections(groups)
            ),
        ),
        guarded(
            "by_tier",
            gettext("By class of the record"),
            gettext("Class"),
            add_up((name_by_packs("classes", one.severity), one.count) for one in groups),
        ),
        public_steps(figures),
        guarded(
            "suspended",
            gettext("Sanctions not executed while the record is verified"),
            gettext("Time"),
            {gettext("Now"): figures.suspended_now},
        ),
    ]


def add_up(named: Iterable[tuple[str, int]]) -> Counter[str]:
    """Return how many there are of each name."""
    found: Counter[str] = Counter()
    for name, count in named:
        found[name] += count
    return found


def guarded(
    name: str, title: str, what: str, numbers: Mapping[str, int], total: int | None = None
) -> Table:
    """Return a table for the public, the most frequent first, small groups left out."""
    shown = guard_small(numbers)
    by_number = sorted(numbers, key=lambda one: (shown[one] is None, -(shown[one] or 0), one))
    order = numbers if total is not None else by_number  # what is not shown has no place either
    small = [one for one in numbers if shown[one] is None] if total is None else []
    if len(small) > 1:  # nor is told which they are
        order = [one for one in by_number if one not in small]
    rows: list[list[Value]] = [[one, shown[one]] for one in order]
    if len(small) > 1:
        together = sum(numbers[one] for one in small)
        rows.append([gettext("Others together"), together if together >= LEAST else None])
    if total is not None:
        rows.insert(0, [str(ANSWER_NAMES["filed"]), total if total >= LEAST or not total else None])
    return Table(name, title, [what, gettext("Count")], rows, Chart("bar", (1,)))


def public_steps(figures: Figures) -> Table:
    """Return the median of each step that was taken often enough."""
    often = {key: one for key, one in figures.steps.items() if one.count >= LEAST}
    whole = steps_table(often)
    rows = [[row[0], row[1], row[3]] for row in whole.rows]
    head = [whole.head[0], whole.head[1], whole.head[3]]
    return Table(whole.name, whole.title, head, rows, Chart("bar", (2,)), whole.note)
