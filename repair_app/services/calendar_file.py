"""Reads a list of days off and made-up working days: pasted, from a CSV file or from TOML.

A line names a day or a run of days, 休 or 班, and what for: `2027-01-01..2027-01-03 休 元旦`.
Parts are parted by blanks, commas or tabs; blank lines, lines that begin with # and a heading are
passed over. A TOML file says the same with `announces`, `source`, `note` and `days = [lines]`.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from repair_app.labels import Label

RESTS = frozenset({"休", "放假", "rest"})
WORKS = frozenset({"班", "上班", "works"})
HEADING = frozenset({"day", "date", "日期"})
LONGEST_RUN = 31  # days: a longer one is a slip of the pen
YEARS = range(2004, 2101)
MOST_LINES = 1000
BETWEEN = re.compile(r"[\s,，]+")
KEYS = frozenset({"announces", "source", "note", "days"})


class CalendarProblem(Exception):
    """A list that cannot be used; says the line, if it is one line's fault."""

    def __init__(self, line: int | None, label: Label) -> None:
        super().__init__(label.en)
        self.line = line
        self.label = label

    def text(self, lang: str) -> str:
        """Return what is wrong and how to mend it, in Chinese or English."""
        told = self.label.text(lang)
        if self.line is None:
            return told
        return Label(f"第{self.line}行：{told}", f"line {self.line}: {told}").text(lang)


@dataclass(frozen=True)
class Word:
    """What a list says of a day; `works` None takes the earlier word back."""

    day: date
    works: bool | None
    note: str
    taken: bool = False  # back, because the new list of its year does not name it


@dataclass(frozen=True)
class DayList:
    """A list of days, the announcement it comes from, and the year that it gives in full."""

    words: tuple[Word, ...]
    source: str
    announces: int | None = None
    note: str = ""


def read_file(name: str, content: bytes, announces: int | None = None) -> DayList:
    """Return the list of a file, by its name TOML or lines. Raises CalendarProblem."""
    text = decode(content)
    if name.lower().endswith(".toml"):
        return read_toml(name, text, announces)
    return read_lines(text, source=name, announces=announces)


def decode(content: bytes) -> str:
    """Return the text of a file in UTF-8 or GB18030. Raises CalendarProblem."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return "".join(one for one in text if one.isprintable() or one in "\r\n\t\u3000")
    raise CalendarProblem(
        None,
        Label(
            "文件不是文本文件，请存为UTF-8编码的文本。",
            "The file is no text: save it as text in UTF-8.",
        ),
    )


def read_toml(name: str, text: str, announces: int | None) -> DayList:
    """Return the list of a TOML file. Raises CalendarProblem."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CalendarProblem(
            None, Label(f"TOML格式有误：{error}", f"This is not TOML: {error}")
        ) from error
    check_keys(raw)
    lines = raw["days"]
    found = read_days(numbered(text, lines))
    year = announces if announces is not None else raw.get("announces")
    given = DayList(found, str(raw.get("source", name)).strip() or name, year, raw.get("note", ""))
    return check_whole(given)


def check_keys(raw: dict[str, Any]) -> None:
    """Refuse a TOML file that says something else than a list of days."""
    if unknown := sorted(set(raw) - KEYS):
        raise CalendarProblem(
            None,
            Label(
                f"不认识的键“{unknown[0]}”；可用：announces、source、note、days。",
                f"Unknown key {unknown[0]!r}; known: announces, source, note, days.",
            ),
        )
    days, announces = raw.get("days"), raw.get("announces")
    if not isinstance(days, list) or not all(isinstance(one, str) for one in days):
        raise CalendarProblem(
            None,
            Label(
                '缺少 days：应为每日一行的文本列表，如 days = ["2027-01-01 休 元旦"]。',
                'days is missing: a list of texts, days = ["2027-01-01 rest New Year"].',
            ),
        )
    if announces is not None and type(announces) is not int:
        raise CalendarProblem(
            None, Label("announces 应为年份，如 2027。", "announces is a year, as 2027.")
        )
    if not all(isinstance(raw.get(name, ""), str) for name in ("source", "note")):
        raise CalendarProblem(
            None, Label("source 和 note 应为文本。", "source and note are texts.")
        )


def numbered(text: str, lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield each text of a TOML list with the line of the file that it stands on."""
    rows = text.splitlines()
    at = 0
    for line in lines:
        at = next((number for number in range(at, len(rows)) if line in rows[number]), at)
        yield at + 1, line


def read_lines(text: str, source: str, announces: int | None = None) -> DayList:
    """Return the list of pasted lines or of a CSV file. Raises CalendarProblem."""
    return check_whole(
        DayList(read_days(enumerate(text.splitlines(), 1)), source.strip(), announces)
    )


def read_days(lines: Iterable[tuple[int, str]]) -> tuple[Word, ...]:
    """Return what numbered lines say, by day. Raises CalendarProblem naming the line."""
    found: dict[date, Word] = {}
    for number, line in lines:
        if number > MOST_LINES:
            raise CalendarProblem(
                number, Label(f"最多{MOST_LINES}行。", f"No more than {MOST_LINES} lines.")
            )
        for word in read_line(number, line):
            if word.day in found:
                raise CalendarProblem(
                    number, Label(f"{word.day}重复出现。", f"{word.day} is named twice.")
                )
            found[word.day] = word
    return tuple(found[day] for day in sorted(found))


def read_line(number: int, line: str) -> Iterator[Word]:
    """Yield what one line says of each of its days. Raises CalendarProblem."""
    stripped = line.strip(" \t\u3000,，")
    named, word, note, *_ = [*BETWEEN.split(stripped, maxsplit=2), "", ""]
    if not named or named.startswith("#"):
        return
    if number == 1 and named.lower() in HEADING:
        return
    first, _, last = named.partition("..")
    days = run_of(number, read_day(number, first), read_day(number, last or first))
    if word.lower() not in RESTS | WORKS:
        raise CalendarProblem(
            number,
            Label(
                f"“{word}”既不是“休”也不是“班”；应写作“2027-01-01 休 元旦”。",
                f"{word!r} is neither rest nor works; write 2027-01-01 rest New Year.",
            ),
        )
    yield from (Word(day, word.lower() in WORKS, note.strip()) for day in days)


def read_day(number: int, text: str) -> date:
    """Return the day of a text. Raises CalendarProblem."""
    try:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError(text)
        day = date.fromisoformat(text)
    except ValueError as error:
        raise CalendarProblem(
            number,
            Label(
                f"“{text}”不是日期；应写作2027-01-01。", f"{text!r} is no day; write 2027-01-01."
            ),
        ) from error
    if day.year not in YEARS:
        raise CalendarProblem(
            number,
            Label(
                f"{day}不在{YEARS[0]}年至{YEARS[-1]}年之间。",
                f"{day} is not within {YEARS[0]} to {YEARS[-1]}.",
            ),
        )
    return day


def run_of(number: int, first: date, last: date) -> list[date]:
    """Return the days from first to last. Raises CalendarProblem for none, or for too many."""
    length = (last - first).days + 1
    if not 1 <= length <= LONGEST_RUN:
        raise CalendarProblem(
            number,
            Label(
                f"{first}至{last}：应为1至{LONGEST_RUN}天。",
                f"{first} to {last}: a run has 1 to {LONGEST_RUN} days.",
            ),
        )
    return [first + timedelta(days=place) for place in range(length)]


def check_whole(given: DayList) -> DayList:
    """Refuse a list that is empty, or that names days of another year than it announces.

    An announcement may begin in the last December: New Year's days off do.
    """
    if not given.words:
        raise CalendarProblem(
            None, Label("没有任何日期，未作更改。", "There is no day in it: nothing was changed.")
        )
    year = given.announces
    if year is None:
        return given
    if year not in YEARS:
        raise CalendarProblem(
            None,
            Label(
                f"年份应在{YEARS[0]}至{YEARS[-1]}之间。",
                f"The year has to lie within {YEARS[0]} to {YEARS[-1]}.",
            ),
        )
    for one in given.words:
        if not date(year - 1, 12, 1) <= one.day <= date(year, 12, 31):
            raise CalendarProblem(
                None,
                Label(f"{one.day}不属于{year}年。", f"{one.day} is not in the year {year}."),
            )
    if not any(one.works is False and one.day.year == year for one in given.words):
        raise CalendarProblem(
            None,
            Label(
                f"{year}年没有任何休息日，不是完整的放假安排。",
                f"{year} has no day off in it: this is no full announcement.",
            ),
        )
    return given


def single_day(day: date, works: bool | None, note: str) -> DayList:
    """Return a list of one day; `works` None takes the earlier word back."""
    return DayList((Word(day, works, note),), source=note)


def with_source(given: DayList, source: str) -> DayList:
    """Return a list that comes from another source than its file's name."""
    return replace(given, source=source)
