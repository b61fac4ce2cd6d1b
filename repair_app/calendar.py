"""Working days of mainland China (调休 included), terms counted in them, and periods in months.

The State Council announces each year's days off and made-up working days late in the year before.
Announced years come from `chinesecalendar`, which refuses any other; for those the `holidays`
package knows the statutory days only, so that a date counted through them is provisional.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import groupby
from types import MappingProxyType
from zoneinfo import ZoneInfo

from repair_app.labels import Label

SHANGHAI = ZoneInfo("Asia/Shanghai")
SATURDAY = 5  # date.weekday()
NO_OVERRIDES: Mapping[date, bool] = MappingProxyType({})

# Why a day does not count; `DueDate.skipped` carries the key.
REASONS: Mapping[str, Label] = MappingProxyType(
    {
        "weekend": Label("周末", "weekend"),
        "holiday": Label("法定节假日及调休放假", "public holiday"),
        "estimated_holiday": Label("推算的法定节假日", "public holiday (estimated)"),
        "declared_rest": Label("管理员登记的休息日", "day off entered by the administrator"),
    }
)


@dataclass(frozen=True)
class DueDate:
    """The last day of a term in working days, and how it was counted.

    `skipped` holds the days after the start that do not count, each with a key of REASONS;
    `made_up` the weekend days that do; `provisional` says that a day counted through lies in a
    year whose days off are not announced.
    """

    start: date
    working_days: int
    due_on: date
    skipped: tuple[tuple[date, str], ...]
    provisional: bool
    made_up: tuple[date, ...] = ()

    def explain(self, lang: str) -> str:
        """Return one sentence that says how the date was counted, in Chinese or English."""
        return _explain_zh(self) if lang.lower().startswith("zh") else _explain_en(self)


def local_date(moment: datetime) -> date:
    """Return the date at a moment where the law counts its days (Asia/Shanghai).

    Raises ValueError for a moment without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(SHANGHAI).date()


def is_announced(day: date) -> bool:
    """Say whether the official days off of the day's year are known."""
    import chinese_calendar  # both libraries only when days are counted: they take their time

    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


def is_working_day(day: date, overrides: Mapping[date, bool] = NO_OVERRIDES) -> bool:
    """Say whether a day counts as a working day, by the best knowledge there is.

    `overrides` (day -> works) is the administrator's table and wins over all else.
    """
    return _reason_to_rest(day, overrides) is None


def add_working_days(
    start: date, days: int, overrides: Mapping[date, bool] = NO_OVERRIDES
) -> DueDate:
    """Return the due date of a term of so many working days.

    The day of the start is not counted (民法典 201). A day of a year not announced makes the
    date provisional, unless `overrides` (day -> works) knows that day. Raises ValueError for a
    term of less than one working day.
    """
    if days < 1:
        raise ValueError(f"a term of {days} working days")
    skipped: list[tuple[date, str]] = []
    made_up: list[date] = []
    provisional = False
    day, left = start, days
    while left:
        day += timedelta(days=1)
        provisional = provisional or (day not in overrides and not is_announced(day))
        reason = _reason_to_rest(day, overrides)
        if reason is not None:
            skipped.append((day, reason))
            continue
        left -= 1
        if day.weekday() >= SATURDAY:
            made_up.append(day)
    return DueDate(start, days, day, tuple(skipped), provisional, tuple(made_up))


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


def _days_in(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


def _reason_to_rest(day: date, overrides: Mapping[date, bool]) -> str | None:
    """Return the key of REASONS that keeps a day from counting, or None for a working day."""
    import chinese_calendar

    if day in overrides:
        return None if overrides[day] else "declared_rest"
    is_weekend = day.weekday() >= SATURDAY
    if is_announced(day):
        if chinese_calendar.is_workday(day):
            return None
        _, name = chinese_calendar.get_holiday_detail(day)
        return "weekend" if name is None else "holiday"
    if day in _statutory_days(day.year):
        return "estimated_holiday"
    return "weekend" if is_weekend else None


@cache
def _statutory_days(year: int) -> frozenset[date]:
    import holidays

    # One object a year, never the shared one that grows while threads look into it.
    return frozenset(holidays.country_holidays("CN", years=year))


# --- how it was counted, in words ---------------------------------------------------------


def _explain_zh(due: DueDate) -> str:
    text = f"自{due.start}次日起算{due.working_days}个工作日，至{due.due_on}届满"
    if due.skipped:
        text += "；不计入：" + "、".join(
            f"{_span(first, last, '至')}（{label.zh}）" for first, last, label in _runs(due)
        )
    if due.made_up:
        text += f"；{'、'.join(map(str, due.made_up))}调休上班，计入"
    if due.provisional:
        text += "；所涉年度放假安排尚未公布，本日期为暂定"
    return text + "。"


def _explain_en(due: DueDate) -> str:
    unit = "working day" if due.working_days == 1 else "working days"
    text = f"{due.working_days} {unit} counted from the day after {due.start} end on {due.due_on}"
    if due.skipped:
        text += "; not counted: " + ", ".join(
            f"{_span(first, last, ' to ')} ({label.en})" for first, last, label in _runs(due)
        )
    if due.made_up:
        text += f"; counted although at a weekend: {', '.join(map(str, due.made_up))}"
    if due.provisional:
        text += "; provisional, because the year's days off have not been announced"
    return text + "."


def _runs(due: DueDate) -> Iterator[tuple[date, date, Label]]:
    """Yield first day, last day and reason of each unbroken run of skipped days."""

    def run_of(entry: tuple[int, tuple[date, str]]) -> tuple[int, str]:
        place, (day, reason) = entry
        return day.toordinal() - place, reason  # the same for all days of one run

    for (_, reason), entries in groupby(enumerate(due.skipped), run_of):
        days = [day for _, (day, _) in entries]
        yield days[0], days[-1], REASONS[reason]


def _span(first: date, last: date, to: str) -> str:
    return f"{first}" if first == last else f"{first}{to}{last}"
