"""The clocks against a slow, obvious way to count, over 2024 to 2027.

The slow way knows the State Council's announcements as they were printed, walks day by day with a
pencil, and shares no code and no library with the application.
"""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from repair_app.calendar import Pause, Table, add_period, add_working_days, is_working_day

DAY = timedelta(days=1)
FIRST, LAST = date(2024, 1, 1), date(2027, 12, 31)
# 国务院办公厅关于部分节假日安排的通知: days off (from, to), and the weekend days worked for them.
DAYS_OFF = {
    2024: [
        ("01-01", "01-01"),
        ("02-10", "02-17"),
        ("04-04", "04-06"),
        ("05-01", "05-05"),
        ("06-10", "06-10"),
        ("09-15", "09-17"),
        ("10-01", "10-07"),
    ],
    2025: [
        ("01-01", "01-01"),
        ("01-28", "02-04"),
        ("04-04", "04-06"),
        ("05-01", "05-05"),
        ("05-31", "06-02"),
        ("10-01", "10-08"),
    ],
    2026: [
        ("01-01", "01-03"),
        ("02-15", "02-23"),
        ("04-04", "04-06"),
        ("05-01", "05-05"),
        ("06-19", "06-21"),
        ("09-25", "09-27"),
        ("10-01", "10-07"),
    ],
}
MADE_UP = {
    2024: ["02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"],
    2025: ["01-26", "02-08", "04-27", "09-28", "10-11"],
    2026: ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
}
# Not announced: the statutory days of 《全国年节及放假办法》 as amended in 2024, by the almanac of
# 2027 (除夕 02-05, 清明 04-05, 端午 06-09, 中秋 09-15). One that falls on a Saturday or Sunday is
# made up for on a working day.
STATUTORY_2027 = [
    "01-01",
    "02-05",
    "02-06",
    "02-07",
    "02-08",
    "04-05",
    "05-01",
    "05-02",
    "06-09",
    "09-15",
    "10-01",
    "10-02",
    "10-03",
]


def day_of(year: int, text: str) -> date:
    return date.fromisoformat(f"{year}-{text}")


def printed_days_off() -> set[date]:
    off = {day_of(2027, text) for text in STATUTORY_2027}
    for weekend_day in sorted(day for day in off if day.isoweekday() in (6, 7)):
        instead = weekend_day
        while instead in off or instead.isoweekday() in (6, 7):
            instead += DAY
        off.add(instead)
    for year, runs in DAYS_OFF.items():
        for first, last in runs:
            day = day_of(year, first)
            while day <= day_of(year, last):
                off.add(day)
                day += DAY
    return off


OFF = printed_days_off()
WORKED = {day_of(year, text) for year, texts in MADE_UP.items() for text in texts}


def slowly_works(day: date, words: dict[date, bool]) -> bool:
    if day in words:
        return words[day]
    if day in WORKED:
        return True
    return day not in OFF and day.isoweekday() not in (6, 7)


def slowly_due(
    start: date, days: int, words: dict[date, bool], pauses: list[tuple[date, date]]
) -> date:
    """Cross off one day after the other until the term is used up."""
    still = set()
    for since, until in pauses:
        day = since
        while day < until:
            day += DAY
            still.add(day)
    day, used = start, 0
    while used < days:
        day += DAY
        if slowly_works(day, words) and day not in still:
            used += 1
    return day


def slowly_months_later(start: date, months: int) -> date:
    """Turn the leaf of the calendar month by month; then go back to a day that is there."""
    year, month = start.year, start.month
    for _ in range(months):
        month += 1
        if month > 12:
            year, month = year + 1, 1
    number = start.day
    while True:
        try:
            return date(year, month, number)
        except ValueError:
            number -= 1


ANY_DAY = st.dates(FIRST, LAST)
STARTS = st.dates(FIRST, date(2027, 6, 30))
WORDS = st.dictionaries(ANY_DAY, st.booleans(), max_size=30)
TERMS = st.integers(1, 30)


@st.composite
def pauses_after(draw: st.DrawFn, start: date) -> list[tuple[date, date]]:
    """Draw up to three pauses, one after the other, from the start on."""
    pauses, day = [], start
    for _ in range(draw(st.integers(0, 3))):
        since = day + draw(st.integers(0, 12)) * DAY
        day = since + draw(st.integers(0, 15)) * DAY
        pauses.append((since, day))
    return pauses


def test_every_day_of_2024_to_2027_is_as_it_was_printed() -> None:
    day = FIRST
    while day <= LAST:
        assert is_working_day(day) == slowly_works(day, {}), day
        day += DAY


@settings(max_examples=200)
@given(STARTS, TERMS, WORDS)
def test_terms_end_where_the_slow_way_ends(start: date, days: int, words: dict[date, bool]) -> None:
    due = add_working_days(start, days, Table(words=words))
    assert due.due_on == slowly_due(start, days, words, [])


@settings(max_examples=200)
@given(st.data(), STARTS, TERMS, st.integers(0, 15), WORDS)
def test_paused_and_extended_terms_end_where_the_slow_way_ends(
    data: st.DataObject, start: date, days: int, more: int, words: dict[date, bool]
) -> None:
    drawn = data.draw(pauses_after(start))
    due = add_working_days(
        start,
        days,
        Table(words=words),
        pauses=[Pause(since, until) for since, until in drawn],
        extended_by=more,
    )
    assert due.due_on == slowly_due(start, days + more, words, drawn)


@given(st.data(), STARTS, TERMS)
def test_a_pause_never_moves_a_date_forward_and_an_open_one_not_at_all(
    data: st.DataObject, start: date, days: int
) -> None:
    drawn = data.draw(pauses_after(start))
    plain = add_working_days(start, days)
    paused = add_working_days(start, days, pauses=[Pause(*one) for one in drawn])
    assert paused.due_on >= plain.due_on
    lasting = add_working_days(start, days, pauses=[Pause(start, None)])
    assert lasting.due_on == plain.due_on


@given(STARTS, TERMS, WORDS)
def test_a_day_off_more_never_ends_a_term_earlier(
    start: date, days: int, words: dict[date, bool]
) -> None:
    due = add_working_days(start, days, Table(words=words))
    closed = Table(words={**words, due.due_on: False})
    assert add_working_days(start, days, closed).due_on > due.due_on


@settings(max_examples=200)
@given(ANY_DAY, st.integers(0, 60))
def test_periods_end_where_the_slow_way_ends(start: date, months: int) -> None:
    assert add_period(start, months) == slowly_months_later(start, months)


def test_periods_from_every_day_of_2024_to_2027_end_where_the_slow_way_ends() -> None:
    """民法典 201, 202: month ends, leap days, each for the periods that the rule packs use."""
    day = FIRST
    while day <= LAST:
        for months in (1, 3, 6, 12, 36, 60):
            assert add_period(day, months) == slowly_months_later(day, months), (day, months)
        day += DAY
