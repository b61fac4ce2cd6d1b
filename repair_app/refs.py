"""References that people can read out: `YY-2026-000123-C`, the last one a check character."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Final

from sqlalchemy import text as sql
from sqlalchemy.orm import Session
from stdnum.iso7064 import mod_37_36

# One statement takes the numbers and keeps others waiting until we commit: no gap, no double.
TAKE = sql(
    "INSERT INTO ref_counter (prefix, year, last) VALUES (:prefix, :year, :count) "
    "ON CONFLICT (prefix, year) DO UPDATE SET last = ref_counter.last + :count RETURNING last"
)
GIVEN_OUT = sql("SELECT prefix, year FROM ref_counter WHERE last >= :number")
HYPHENS: Final = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")  # for which keyboards have no one key
LOOSE: Final = re.compile("([A-Z]{2})-?([0-9]{4})-?([0-9]{0,9})-?([0-9A-Z]?)")
DIGITS: Final = 6


def new_ref(session: Session, prefix: str, day: date) -> str:
    """Return the next reference of a kind (YY objection, XF repair, JL record, CN commitment …)."""
    return next(new_refs(session, prefix, day, 1))


def new_refs(session: Session, prefix: str, day: date, count: int) -> Iterator[str]:
    """Yield the next `count` references of a kind, numbered within the year of the day."""
    taken = {"prefix": prefix, "year": day.year, "count": count}
    last = session.execute(TAKE, taken).scalar_one()
    for number in range(last - count + 1, last + 1):
        body = f"{prefix}-{day.year}-{number:06d}"
        yield f"{body}-{check_character(body)}"


def refs_numbered(session: Session, number: int, prefix: str = "", year: str = "") -> list[str]:
    """Return the references that have been given out with a number, of every kind and year.

    prefix, year: of this kind or year only. Few, so that they can be looked up one by one.
    """
    kinds = session.execute(GIVEN_OUT, {"number": number})
    bodies = (f"{one.prefix}-{one.year}-{number:06d}" for one in kinds)
    beginning = f"{prefix}-" if prefix else ""
    return [
        f"{one}-{check_character(one)}"
        for one in bodies
        if one.startswith(beginning) and f"-{year}" in one[2:7]
    ]


def check_character(body: str) -> str:
    """Return the check character of a reference (ISO 7064 mod 37,36: letters and digits)."""
    return str(mod_37_36.calc_check_digit(body.replace("-", "")))


def as_written(typed: str) -> str:
    """Return a reference, or the beginning of one, as it is on file: however it was typed.

    typed: in small or full-width letters, with other hyphens or none. What is no reference comes
    back with letters and hyphens of ASCII width only.
    """
    text = unicodedata.normalize("NFKC", typed).translate(HYPHENS)
    found = LOOSE.fullmatch(text.upper())
    if found is None:
        return text
    prefix, year, digits, check = found.groups()
    if len(digits) > DIGITS and not check:  # the last one may be the check character
        body = f"{prefix}-{year}-{digits[:-1]}"
        if check_character(body) == digits[-1]:
            return f"{body}-{digits[-1]}"
    return "-".join(filter(None, (prefix, year, digits, check)))
