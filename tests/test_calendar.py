"""Working days with 调休, terms counted in them, and periods in months."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repair_app.calendar import (
    REASONS,
    DueDate,
    Pause,
    Table,
    add_period,
    add_working_days,
    is_announced,
    is_working_day,
    local_date,
    unusual_days,
)
from repair_app.labels import Label

ANNOUNCED = st.dates(date(2004, 1, 1), date(2026, 10, 31))
ANY_DAY = st.dates(date(2004, 1, 1), date(2040, 12, 31))
TERMS = st.integers(1, 40)
unhurried = settings(deadline=None)  # a busy machine is no failure


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-09-18", 3, "2026-09-22"),
        ("2026-09-18", 7, "2026-09-29"),
        ("2026-09-30", 3, "2026-10-10"),
        ("2026-09-30", 10, "2026-10-20"),
        ("2026-02-13", 3, "2026-02-25"),
        ("2026-04-30", 5, "2026-05-11"),
        ("2025-01-24", 3, "2025-02-05"),
        ("2025-09-26", 7, "2025-10-13"),
        ("2024-02-08", 3, "2024-02-19"),
        ("2024-09-30", 3, "2024-10-10"),
        ("2026-11-20", 3, "2026-11-25"),
        ("2026-12-18", 7, "2026-12-29"),
    ],
)
def test_terms_end_on_the_days_that_the_official_calendars_of_2024_to_2026_give(
    start: str, days: int, due: str
) -> None:
    """State Council notices on days off of 2024, 2025 and 2026; 民法典 201."""
    result = add_working_days(date.fromisoformat(start), days)
    assert result.due_on == date.fromisoformat(due)
    assert not result.provisional


def test_the_day_of_receipt_is_not_counted() -> None:
    """民法典 201: the first day is not counted, a working day or not."""
    friday, saturday = date(2026, 11, 20), date(2026, 11, 21)
    monday = date(2026, 11, 23)
    assert add_working_days(friday, 1).due_on == monday
    assert add_working_days(saturday, 1).due_on == monday


def test_a_made_up_sunday_counts_and_is_named() -> None:
    """2026-09-20, a Sunday, is worked for National Day."""
    sunday = date(2026, 9, 20)
    assert is_working_day(sunday)
    due = add_working_days(date(2026, 9, 18), 3)
    assert due.made_up == (sunday,)
    assert due.skipped == ((date(2026, 9, 19), "weekend"),)


def test_every_skipped_day_says_why() -> None:
    due = add_working_days(date(2026, 9, 30), 3)
    week = [date(2026, 10, day) for day in range(1, 8)]
    assert due.skipped == tuple((day, "holiday") for day in week)


def test_a_term_into_a_year_not_announced_is_provisional_and_is_still_counted() -> None:
    """A missing year never stops a filing: weekdays less statutory days stand in."""
    due = add_working_days(date(2026, 12, 25), 5)
    assert due.due_on == date(2027, 1, 4)
    assert due.provisional
    assert (date(2027, 1, 1), "estimated_holiday") in due.skipped


def test_a_year_before_all_announcements_is_provisional_too() -> None:
    assert not is_announced(date(2003, 6, 2))
    assert add_working_days(date(2003, 6, 2), 1).provisional


def test_the_administrators_table_wins_over_the_announced_year() -> None:
    closed, open_ = date(2026, 11, 23), date(2026, 11, 22)
    table = Table(words={closed: False, open_: True})
    assert not is_working_day(closed, table)
    assert is_working_day(open_, table)
    due = add_working_days(date(2026, 11, 20), 2, table)
    assert due.due_on == date(2026, 11, 24)
    assert (closed, "declared_rest") in due.skipped
    assert due.made_up == (open_,)


def test_days_that_the_administrator_entered_are_not_provisional() -> None:
    first = date(2026, 12, 31)
    words = {first + timedelta(days=day): day >= 4 for day in range(1, 11)}
    due = add_working_days(first, 3, Table(words=words))
    assert due.due_on == date(2027, 1, 6)
    assert not due.provisional


def test_a_year_that_was_announced_by_an_edition_is_official() -> None:
    """What the announcement does not name is what its weekday says: nothing is estimated."""
    new_year = [date(2027, 1, 1), date(2027, 1, 2), date(2027, 1, 3)]
    made_up = date(2027, 1, 10)  # a Sunday
    table = Table(
        words={**dict.fromkeys(new_year, False), made_up: True},
        official=frozenset([*new_year, made_up]),
        announced=frozenset({2027}),
    )
    due = add_working_days(date(2026, 12, 31), 6, table)
    assert due.due_on == made_up
    assert not due.provisional
    assert due.skipped == (*((day, "holiday") for day in new_year), (date(2027, 1, 9), "weekend"))
    spring = date(2027, 2, 8)  # a Monday, a statutory day by the lunar calendar
    assert not is_working_day(spring)
    assert is_working_day(spring, table)


def test_the_unusual_days_of_a_year_are_weekdays_off_and_weekend_days_worked() -> None:
    """State Council notice for 2026: Sunday 2026-09-20 worked, Thursday 2026-10-01 off."""
    unusual = dict(unusual_days(2026))
    assert unusual[date(2026, 9, 20)] is None
    assert unusual[date(2026, 10, 1)] == "holiday"
    assert date(2026, 10, 3) not in unusual  # a Saturday is off anyway
    assert sum(reason is None for reason in unusual.values()) == 6


# --- pauses and extensions ----------------------------------------------------------------


def test_a_pause_moves_the_date() -> None:
    """Elsewhere a case was put on hold and its due date stayed.

    Three working days from Friday 2026-11-20; the term stands still from Monday to Wednesday:
    Monday counted, Thursday and Friday are left.
    """
    pause = Pause(date(2026, 11, 23), date(2026, 11, 25), "supplement")
    due = add_working_days(date(2026, 11, 20), 3, pauses=[pause])
    assert due.due_on == date(2026, 11, 27)
    assert (date(2026, 11, 24), "paused") in due.skipped
    assert (date(2026, 11, 25), "paused") in due.skipped
    assert date(2026, 11, 23) not in dict(due.skipped)


def test_a_pause_within_one_day_moves_nothing() -> None:
    day = date(2026, 11, 23)
    plain = add_working_days(date(2026, 11, 20), 3)
    assert add_working_days(date(2026, 11, 20), 3, pauses=[Pause(day, day)]).due_on == plain.due_on


def test_a_term_that_stands_still_says_since_when() -> None:
    due = add_working_days(date(2026, 11, 20), 3, pauses=[Pause(date(2026, 11, 23), None, "x")])
    assert due.stopped_on == date(2026, 11, 23)
    assert due.due_on == date(2026, 11, 25)
    assert "中止" in due.explain("zh")
    assert "stands still since 2026-11-23" in due.explain("en")


def test_an_extension_adds_working_days_and_is_named() -> None:
    due = add_working_days(date(2026, 11, 20), 3, extended_by=2)
    assert due.due_on == date(2026, 11, 27)
    assert due.extended_by == 2
    assert "延长2个工作日" in due.explain("zh")
    assert "2 of them by an approved extension" in due.explain("en")


def test_a_negative_extension_is_refused() -> None:
    with pytest.raises(ValueError, match="working days"):
        add_working_days(date(2026, 11, 20), 3, extended_by=-1)


def test_a_term_beyond_the_last_year_overflows() -> None:
    with pytest.raises(OverflowError):
        add_working_days(date(9999, 12, 30), 5)


@pytest.mark.parametrize("days", [0, -1])
def test_a_term_of_no_days_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="working days"):
        add_working_days(date(2026, 11, 20), days)


@unhurried
@given(ANY_DAY, TERMS)
def test_a_due_day_is_a_working_day_after_the_start(start: date, days: int) -> None:
    due = add_working_days(start, days)
    assert is_working_day(due.due_on)
    assert due.due_on >= start + timedelta(days=days)


@unhurried
@given(ANY_DAY, TERMS)
def test_one_more_day_ends_later(start: date, days: int) -> None:
    assert add_working_days(start, days).due_on < add_working_days(start, days + 1).due_on


@unhurried
@given(ANY_DAY, TERMS)
def test_starting_a_day_later_never_ends_earlier(start: date, days: int) -> None:
    later = start + timedelta(days=1)
    assert add_working_days(start, days).due_on <= add_working_days(later, days).due_on


@unhurried
@given(ANY_DAY, TERMS, TERMS)
def test_two_terms_in_a_row_are_one_long_term(start: date, first: int, second: int) -> None:
    middle = add_working_days(start, first).due_on
    assert add_working_days(middle, second).due_on == add_working_days(start, first + second).due_on


@unhurried
@given(ANY_DAY, TERMS, st.dictionaries(ANY_DAY, st.booleans(), max_size=20))
def test_each_day_after_the_start_is_either_counted_or_skipped(
    start: date, days: int, words: dict[date, bool]
) -> None:
    table = Table(words=words)
    due = add_working_days(start, days, table)
    skipped = [day for day, _ in due.skipped]
    assert (due.due_on - start).days == days + len(skipped)
    assert not any(is_working_day(day, table) for day in skipped)
    assert {reason for _, reason in due.skipped} <= set(REASONS)


@unhurried
@given(ANNOUNCED, TERMS)
def test_within_announced_years_nothing_is_provisional(start: date, days: int) -> None:
    due = add_working_days(start, days)
    assert due.provisional == (due.due_on.year > 2026)


# --- explanation --------------------------------------------------------------------------


def test_the_explanation_names_start_length_and_what_was_skipped() -> None:
    due = add_working_days(date(2026, 9, 30), 3)
    assert due.explain("zh_Hans_CN") == (
        "自2026-09-30次日起算3个工作日，至2026-10-10届满；"
        "不计入：2026-10-01至2026-10-07（法定节假日及调休放假）；2026-10-10调休上班，计入。"
    )
    assert due.explain("en") == (
        "3 working days counted from the day after 2026-09-30 end on 2026-10-10; "
        "not counted: 2026-10-01 to 2026-10-07 (public holiday); "
        "counted although at a weekend: 2026-10-10."
    )


def test_the_explanation_of_a_term_without_breaks_is_short() -> None:
    due = add_working_days(date(2026, 11, 23), 1)
    assert due.explain("en") == (
        "1 working day counted from the day after 2026-11-23 end on 2026-11-24."
    )


def test_the_explanation_says_when_a_date_is_provisional() -> None:
    due = add_working_days(date(2026, 12, 25), 5)
    assert "暂定" in due.explain("zh")
    assert "provisional" in due.explain("en")
    assert "2027-01-02 to 2027-01-03 (weekend)" in due.explain("en")


def test_the_list_tells_the_same_line_by_line() -> None:
    due: DueDate = add_working_days(
        date(2026, 9, 30),
        3,
        pauses=[Pause(date(2026, 10, 8), date(2026, 10, 9), "supplement")],
        extended_by=1,
    )
    states = {"supplement": Label("补正", "supplement")}
    assert due.explain_lines("zh", states) == [
        "自2026-09-30次日起算",
        "期限：3个工作日",
        "经批准延长：1个工作日",
        "不计入：2026-10-01至2026-10-07（法定节假日及调休放假）",
        "不计入：2026-10-09（期限中止）",
        "不计入：2026-10-11（周末）",
        "计入：2026-10-10（调休上班）",
        "中止：2026-10-08至2026-10-09（补正）",
        "届满：2026-10-13",
    ]
    assert due.explain_lines("en", states)[-2:] == [
        "stood still from 2026-10-08 to 2026-10-09 (supplement)",
        "ends on 2026-10-13",
    ]


def test_the_list_says_when_a_date_is_provisional_and_when_the_term_stands_still() -> None:
    due = add_working_days(date(2026, 12, 25), 5, pauses=[Pause(date(2026, 12, 28), None, "x")])
    lines = due.explain_lines("en")
    assert "stands still since 2026-12-28 (x), ends later by as long" in lines
    assert any("provisional" in line for line in lines)


# --- dates and months ---------------------------------------------------------------------


def test_a_moment_late_in_the_utc_day_is_the_next_day_in_shanghai() -> None:
    assert local_date(datetime(2026, 11, 20, 15, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert local_date(datetime(2026, 11, 20, 16, 0, tzinfo=UTC)) == date(2026, 11, 21)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        local_date(datetime(2026, 11, 20, 16, 0))  # noqa: DTZ001  # that is the point


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2025-11-30", 3, "2026-02-28"),
        ("2023-11-30", 3, "2024-02-29"),
        ("2025-12-31", 2, "2026-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2025-10-15", 3, "2026-01-15"),
        ("2025-12-01", 36, "2028-12-01"),
        ("2025-12-31", 0, "2025-12-31"),
        ("2025-12-31", 12, "2026-12-31"),
    ],
)
def test_a_period_ends_on_the_corresponding_day_or_the_end_of_the_month(
    start: str, months: int, end: str
) -> None:
    """民法典 201, 202."""
    assert add_period(date.fromisoformat(start), months) == date.fromisoformat(end)


def test_a_period_does_not_move_when_it_ends_on_a_holiday() -> None:
    """A publication period is counted in calendar days; 民法典 203 is for civil periods."""
    assert add_period(date(2026, 7, 1), 3) == date(2026, 10, 1)


@unhurried
@given(ANY_DAY, st.integers(0, 120))
def test_a_period_ends_in_the_right_month_on_the_same_day_if_there_is_one(
    start: date, months: int
) -> None:
    end = add_period(start, months)
    assert (end.year - start.year) * 12 + end.month - start.month == months
    assert end.day == min(start.day, monthrange(end.year, end.month)[1])


def test_a_negative_period_is_refused() -> None:
    with pytest.raises(ValueError, match="months"):
        add_period(date(2026, 1, 1), -1)
