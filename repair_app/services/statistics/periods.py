"""The time that figures are about: a month, a quarter, a year, two days, or the last 12 months."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from flask_babel import format_date, get_locale, gettext

from repair_app.calendar import SHANGHAI
from repair_app.db import today

NAMED: Final = re.compile("(20[0-9]{2})(?:-(0[1-9]|1[0-2])|-Q([1-4]))?")
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2099
MONTHS: Final = 12  # without a word, up to today
QUARTERS: Final = 6  # that a list offers
# So many steps of a month, else of a quarter, else of a year.
MOST_MONTHS: Final = 24
MOST_QUARTERS: Final = 32


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included; `name` as in an address, if it has one."""

    first: date
    last: date
    name: str = ""
    misread: bool = False  # what was asked for could not be read: this is the last 12 months

    @property
    def begins(self) -> datetime:
        """Return the moment at which its first day begins where the law counts."""
        return midnight(self.first)

    @property
    def ends(self) -> datetime:
        """Return the moment at which its last day is over."""
        return midnight(self.last + timedelta(days=1))

    @property
    def asked(self) -> dict[str, str]:
        """Return what an address says to mean this period."""
        if self.name:
            return {"period": self.name}
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}

    @property
    def words(self) -> str:
        """Return the period as the reader writes it."""
        style = "yyyy年M月d日" if is_chinese() else "d MMMM yyyy"
        first, last = (str(format_date(one, style)) for one in (self.first, self.last))
        return str(gettext("%(first)s to %(last)s", first=first, last=last))

    def steps(self) -> list["Step"]:
        """Return the months of the period; of a long one the quarters, of a very long the years."""
        months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
        width = 1 if months <= MOST_MONTHS else 3 if months <= 3 * MOST_QUARTERS else 12
        return list(cut(self, width))


@dataclass(frozen=True)
class Step:
    """A month, quarter or year, as far as it lies in a period."""

    name: str
    first: date
    last: date


def cut(period: Period, width: int) -> Iterator[Step]:
    """Yield a period in steps of so many months, each within the calendar's own."""
    day = period.first
    while day <= period.last:
        begun = day.month - (day.month - 1) % width
        after = months_on(date(day.year, begun, 1), width)
        names = {1: f"{day:%Y-%m}", 3: f"{day.year}-Q{(begun + 2) // 3}", 12: f"{day.year}"}
        yield Step(names[width], day, min(after - timedelta(days=1), period.last))
        day = after


def months_on(day: date, months: int) -> date:
    """Return the first day of the month so many months on, or back."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def midnight(day: date) -> datetime:
    """Return the moment at which a day begins where the law counts its days."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def is_chinese() -> bool:
    """Say whether the reader reads Chinese."""
    return str(get_locale()).startswith("zh")


def last_months() -> Period:
    """Return the last 12 months: this one, and the eleven before."""
    return Period(months_on(today(), 1 - MONTHS), today())


def read_period(name: str = "", first: str = "", last: str = "") -> Period:
    """Return the period that an address names: 2026-10, 2026-Q3, 2026, or two days.

    What is not named is the last 12 months; so is, marked as misread, what is no period.
    """
    if not (name or first or last):
        return last_months()
    found = read_named(name) if name else read_days(first, last)
    usual = last_months()
    return found or Period(usual.first, usual.last, misread=True)


def read_named(name: str) -> Period | None:
    """Return a month, quarter or year; None for anything else."""
    found = NAMED.fullmatch(name)
    if found is None:
        return None
    year, month, quarter = found[1], found[2], found[3]
    begun = int(month) if month else 3 * int(quarter) - 2 if quarter else 1
    first = date(int(year), begun, 1)
    after = months_on(first, 1 if month else 3 if quarter else 12)
    return Period(first, after - timedelta(days=1), name)


def read_days(first: str, last: str) -> Period | None:
    """Return the days from one to another, up to today if none is named; None for no such days."""
    try:
        begun, ended = date.fromisoformat(first), date.fromisoformat(last) if last else today()
    except ValueError:
        return None
    in_order = FIRST_YEAR <= begun.year <= ended.year <= LAST_YEAR and begun <= ended
    return Period(begun, ended) if in_order else None


def recent() -> dict[str, list[str]]:
    """Return the months, quarters and years that a list offers, the latest first."""
    this = today().replace(day=1)
    months = [f"{months_on(this, -back):%Y-%m}" for back in range(MONTHS)]
    return {
        "months": months,
        "quarters": list_quarters()[:QUARTERS],
        "years": [str(this.year - back) for back in range(4)],
    }


def whole_quarters() -> list[str]:
    """Return the last quarters that are over, the latest first: parts that never overlap."""
    return list_quarters()[1:]


def list_quarters() -> list[str]:
    """Return this quarter and those before, the latest first."""
    this = today().replace(day=1)
    begun = months_on(this, -((this.month - 1) % 3))
    quarters = (months_on(begun, -3 * back) for back in range(QUARTERS + 1))
    return [f"{one.year}-Q{(one.month + 2) // 3}" for one in quarters]


def last_whole_quarter(*, misread: bool = False) -> Period:
    """Return the last quarter that is over. misread: another period was asked for."""
    name = whole_quarters()[0]
    found = read_named(name)
    if found is None:
        raise ValueError(f"{name} is no quarter")
    return replace(found, misread=misread)
