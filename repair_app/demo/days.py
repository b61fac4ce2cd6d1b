"""Days and hours of the demonstration: people work, and agencies decide, on working days."""

from datetime import date, datetime, time, timedelta
from functools import cache

from repair_app import calendar

DAY = timedelta(days=1)


@cache
def working_day(day: date, back: int) -> date:
    """Return the day that lies so many working days before another; 0: that day or the last one."""
    while back or not calendar.is_working_day(day):
        back -= back > 0 and calendar.is_working_day(day - DAY)
        day -= DAY
    return day


def opening_hour(day: date) -> datetime:
    """Return nine o'clock of a day."""
    return datetime.combine(day, time(9), calendar.SHANGHAI)
