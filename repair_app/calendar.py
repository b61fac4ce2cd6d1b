"""Working days of mainland China (调休 included), terms counted in them, and periods in months.

The State Council announces each year's days off and made-up working days late in the year before.
Announced years come from `chinesecalendar`, which refuses any other, and from what administrators
entered (`Table`). Of all other years the `holidays` package knows the statutory days only, so that
a date counted through them is provisional.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from itertools import groupby
from types import MappingProxyType
from zoneinfo import ZoneInfo

from repair_app.labels import Label

SHANGHAI = ZoneInfo("Asia/Shanghai")
FIRST_DAY = date(1900, 1, 1)  # that can be asked for: beyond, a day has no moments on every store
LAST_DAY = date(2999, 12, 31)
SATURDAY = 5  # date.weekday()
PAUSED = "paused"

# Why a day does not count; `DueDate.skipped` carries the key.
REASONS: Mapping[str, Label] = MappingProxyType(
    {
        "weekend": Label("周末", "weekend"),
        "holiday": Label("法定节假日及调休放假", "public holiday"),
        "estimated_holiday": Label("推算的法定节假日", "public holiday (estimated)"),
        "declared_rest": Label("管理员登记的休息日", "day off entered by the administrator"),
        PAUSED: Label("期限中止", "the term stood still"),
    }
)


@dataclass(frozen=True)
class Table:
    """What administrators entered: the latest word on each day, and where it comes from.

    `official` are the days that were entered with the announcement of their year, `announced` the
    years announced so: there, a day without a word is what its weekday says. `edition` is the
    number of the last edition that the table holds.
    """

    words: Mapping[date, bool] = field(default_factory=dict)  # day -> works
    official: frozenset[date] = frozenset()
    announced: frozenset[int] = frozenset()
    edition: int = 0


NOTHING_ENTERED = Table()


@dataclass(frozen=True)
class Pause:
    """A time in which a term stands still; `until` is None while it lasts.

    The day on which it begins still counts and the day on which it ends does not: as everywhere,
    the day of an event is not counted anew (民法典 201). `why` is the state that stops the clock.
    """

    since: date
    until: date | None
    why: str = ""

    def holds(self, day: date) -> bool:
        """Say whether a day lies in the pause, so that it does not count."""
        return self.until is not None and self.since < day <= self.until


@dataclass(frozen=True)
class DueDate:
    """The last day of a term in working days, and how it was counted.

    `working_days` is the whole term, `extended_by` how many of them an extension added. `skipped`
    holds the days after the start that do not count, each with a key of REASONS; `made_up` the
    weekend days that do; `provisional` says that a day counted through lies in a year whose days
    off are not announced. `stopped_on` is the day since when the term stands still: it then ends
    later than `due_on`, by as long as it stands. No working days at all: it could not be computed.
    """

    start: date
    working_days: int
    due_on: date
    skipped: tuple[tuple[date, str], ...]
    provisional: bool
    made_up: tuple[date, ...] = ()
    extended_by: int = 0
    pauses: tuple[Pause, ...] = ()

    @property
    def stopped_on(self) -> date | None:
        """Return the day since when the term stands still, None while it runs."""
        return next((one.since for one in self.pauses if one.until is None), None)

    def explain(self, lang: str) -> str:
        """Return one sentence that says how the date was counted, in Chinese or English."""
        return _explain_zh(self) if lang.lower().startswith("zh") else _explain_en(self)

    def explain_lines(self, lang: str, states: Mapping[str, Label] | None = None) -> list[str]:
        """Return the same as a list: start, each run of days that do not count, pauses, end.

        states: what the states are called that stop the clock.
        """
        return [one.text(lang) for one in _lines(self, states or {})]


def local_date(moment: datetime) -> date:
    """Return the date at a moment where the law counts its days (Asia/Shanghai).

    Raises ValueError for a moment without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(SHANGHAI).date()


def is_announced(day: date, table: Table = NOTHING_ENTERED) -> bool:
    """Say whether the official days off of the day's year are known."""
    return day.year in table.announced or _is_in_seed(day.year)


def is_working_day(day: date, table: Table = NOTHING_ENTERED) -> bool:
    """Say whether a day counts as a working day, by the best knowledge there is.

    The administrators' table wins over all else.
    """
    return reason_to_rest(day, table) is None


def add_working_days(
    start: date,
    days: int,
    table: Table = NOTHING_ENTERED,
    *,
    pauses: Sequence[Pause] = (),
    extended_by: int = 0,
) -> DueDate:
    """Return the due date of a term of so many working days, prolonged by `extended_by` more.

    The day of the start is not counted (民法典 201), nor is a day inside a pause. A day of a year
    not announced makes the date provisional, unless the table knows that day. Raises ValueError
    for a term of less than one working day, OverflowError for one that ends after the year 9999.
    """
    whole = days + extended_by
    if days < 1 or extended_by < 0:
        raise ValueError(f"a term of {days} working days and {extended_by} more")
    skipped: list[tuple[date, str]] = []
    made_up: list[date] = []
    provisional = False
    day, left = start, whole
    while left:
        day += timedelta(days=1)
        if any(pause.holds(day) for pause in pauses):
            skipped.append((day, PAUSED))
            continue
        provisional = provisional or (day not in table.words and not is_announced(day, table))
        reason = reason_to_rest(day, table)
        if reason is not None:
            skipped.append((day, reason))
            continue
        left -= 1
        if day.weekday() >= SATURDAY:
            made_up.append(day)
    return DueDate(
        start=start,
        working_days=whole,
        due_on=day,
        skipped=tuple(skipped),
        provisional=provisional,
        made_up=tuple(made_up),
        extended_by=extended_by,
        pauses=tuple(pauses),
    )


@lru_cache(maxsize=10_000)
def add_period(start: date, months: int) -> date:
    """Return the last day of a period in calendar months.

    The first day is not counted; the last is the corresponding day, or the end of the month where
    there is none (民法典 201, 202). It does not move when it falls on a holiday. Raises
    ValueError for a negative number of months.
    """
    if months < 0:
        raise ValueError(f"a period of {months} months")
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, _days_in(year, month + 1)))


def reason_to_rest(day: date, table: Table = NOTHING_ENTERED) -> str | None:
    """Return the key of REASONS that keeps a day from counting, or None for a working day."""
    word = table.words.get(day)
    if word is not None:
        rest = "holiday" if day in table.official else "declared_rest"
        return None if word else rest
    weekend = "weekend" if day.weekday() >= SATURDAY else None
    if day.year in table.announced:
        return weekend
    if _is_in_seed(day.year):
        return _reason_of_seed(day)
    return "estimated_holiday" if day in _statutory_days(day.year) else weekend


def unusual_days(year: int, table: Table = NOTHING_ENTERED) -> list[tuple[date, str | None]]:
    """Return the days of a year that are not what their weekday says, each with its reason.

    Weekdays off carry a key of REASONS, weekend days worked None.
    """
    first = date(year, 1, 1)
    days = (first + timedelta(days=number) for number in range(366))
    told = ((day, reason_to_rest(day, table)) for day in days if day.year == year)
    return [(day, why) for day, why in told if (why is None) == (day.weekday() >= SATURDAY)]


def _days_in(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


@cache
def _is_in_seed(year: int) -> bool:
    import chinese_calendar  # both libraries only when days are counted: they take their time

    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


@cache
def _reason_of_seed(day: date) -> str | None:
    import chinese_calendar

    if chinese_calendar.is_workday(day):
        return None
    _, name = chinese_calendar.get_holiday_detail(day)
    return "weekend" if name is None else "holiday"


@cache
def _statutory_days(year: int) -> frozenset[date]:
    import holidays

    # One object a year, never the shared one that grows while threads look into it.
    return frozenset(holidays.country_holidays("CN", years=year))


# --- how it was counted, in words ---------------------------------------------------------

NOT_COMPUTED = Label(
    "期限无法计算，已告警，先按当日届满处理",
    "the term could not be computed: there is an alarm, and it is due at once",
)


def _explain_zh(due: DueDate) -> str:
    if not due.working_days:
        return f"{NOT_COMPUTED.zh}。"
    text = f"自{due.start}次日起算{due.working_days}个工作日，至{due.due_on}届满"
    if due.extended_by:
        text += f"；其中经批准延长{due.extended_by}个工作日"
    if due.skipped:
        text += "；不计入：" + "、".join(
            f"{_span(first, last, '至')}（{REASONS[reason].zh}）"
            for first, last, reason in _runs(due)
        )
    if due.made_up:
        text += f"；{'、'.join(map(str, due.made_up))}调休上班，计入"
    if due.stopped_on:
        text += f"；自{due.stopped_on}起期限中止，恢复后顺延"
    if due.provisional:
        text += "；所涉年度放假安排尚未公布，本日期为暂定"
    return text + "。"


def _explain_en(due: DueDate) -> str:
    if not due.working_days:
        return f"{NOT_COMPUTED.en}."
    unit = "working day" if due.working_days == 1 else "working days"
    text = f"{due.working_days} {unit} counted from the day after {due.start} end on {due.due_on}"
    if due.extended_by:
        text += f"; {due.extended_by} of them by an approved extension"
    if due.skipped:
        text += "; not counted: " + ", ".join(
            f"{_span(first, last, ' to ')} ({REASONS[reason].en})"
            for first, last, reason in _runs(due)
        )
    if due.made_up:
        text += f"; counted although at a weekend: {', '.join(map(str, due.made_up))}"
    if due.stopped_on:
        text += f"; stands still since {due.stopped_on} and ends later by as long"
    if due.provisional:
        text += "; provisional, because the year's days off have not been announced"
    return text + "."


def _lines(due: DueDate, states: Mapping[str, Label]) -> Iterator[Label]:
    if not due.working_days:
        yield NOT_COMPUTED
        return
    yield Label(f"自{due.start}次日起算", f"counted from the day after {due.start}")
    base = due.working_days - due.extended_by
    yield Label(f"期限：{base}个工作日", f"term: working days: {base}")
    if due.extended_by:
        yield Label(
            f"经批准延长：{due.extended_by}个工作日",
            f"approved extension: working days: {due.extended_by}",
        )
    for first, last, reason in _runs(due):
        label = REASONS[reason]
        yield Label(
            f"不计入：{_span(first, last, '至')}（{label.zh}）",
            f"not counted: {_span(first, last, ' to ')} ({label.en})",
        )
    for day in due.made_up:
        yield Label(f"计入：{day}（调休上班）", f"counted although at a weekend: {day}")
    yield from (_line_of(pause, states) for pause in due.pauses)
    yield Label(f"届满：{due.due_on}", f"ends on {due.due_on}")
    if due.provisional:
        yield Label(
            "暂定：所涉年度放假安排尚未公布",
            "provisional: the year's days off have not been announced",
        )


def _line_of(pause: Pause, states: Mapping[str, Label]) -> Label:
    why = states.get(pause.why, Label(pause.why, pause.why))
    if pause.until is None:
        return Label(
            f"自{pause.since}起中止（{why.zh}），恢复后顺延",
            f"stands still since {pause.since} ({why.en}), ends later by as long",
        )
    return Label(
        f"中止：{pause.since}至{pause.until}（{why.zh}）",
        f"stood still from {pause.since} to {pause.until} ({why.en})",
    )


def _runs(due: DueDate) -> Iterator[tuple[date, date, str]]:
    """Yield first day, last day and reason of each unbroken run of skipped days."""

    def run_of(entry: tuple[int, tuple[date, str]]) -> tuple[int, str]:
        place, (day, reason) = entry
        return day.toordinal() - place, reason  # the same for all days of one run

    for (_, reason), entries in groupby(enumerate(due.skipped), run_of):
        days = [day for _, (day, _) in entries]
        yield days[0], days[-1], reason


def _span(first: date, last: date, to: str) -> str:
    return f"{first}" if first == last else f"{first}{to}{last}"
