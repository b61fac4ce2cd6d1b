"""Rows as files for an office: CSV and XLSX, written as they come, safe to open.

A cell that a spreadsheet would take for a formula is kept from being one (a quotation mark before
it, as OWASP advises), and a long number stays the text that it is: a credit code that became
9.137E+17 is lost. Days are written as ISO 8601, moments as those of Asia/Shanghai.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from repair_app.calendar import SHANGHAI

Cell = str | int | float | Decimal | date | datetime | bool | None
BOM: Final = "\ufeff"  # or Excel reads UTF-8 as something else
# What begins a formula, also in full width, and what some programs skip before it.
ARMED: Final = re.compile("[\\s\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
# Excel would take it for a number, and keep fifteen digits.
NUMERIC: Final = re.compile("[0-9]{12,}|[0-9]+[Ee][0-9]+")
MOST_ROWS: Final = 1_048_575  # of a sheet of XLSX, below its heading
LONGEST: Final = 32_767  # characters in a cell of XLSX
MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMS: Final = tuple(MEDIA_TYPES)


def defuse(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if ARMED.match(text) else text


def as_text(value: Cell) -> str:
    """Return a cell of a CSV file."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
        case date():
            return value.isoformat()
        case str():
            # Behind a tab, which is not seen, a spreadsheet leaves digits alone.
            return f"{value}\t" if NUMERIC.fullmatch(value) else defuse(value)
        case _:
            return str(value)


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield a CSV file (UTF-8 with its mark, RFC 4180) line by line."""
    yield BOM
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow([as_text(one) for one in head])
    for row in rows:
        writer.writerow([as_text(one) for one in row])
        yield take(buffer)
    yield take(buffer)


def take(buffer: StringIO) -> str:
    """Return what was written to a buffer, and empty it."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_lines(head, rows))


def write_xlsx(path: Path, head: Sequence[str], rows: Iterable[Sequence[Cell]], name: str) -> None:
    """Write a workbook of one sheet, without holding it in memory."""
    write_book(path, [(name, head, rows)])


def write_book(
    path: Path, sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Cell]]]]
) -> None:
    """Write a workbook: name, heading and rows of each sheet."""
    import xlsxwriter

    settings = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(str(path), settings) as book:
        formats = {
            "head": book.add_format({"bold": True, "bottom": 1}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            "text": book.add_format({"num_format": "@"}),
        }
        number = 0
        for name, head, rows in sheets:
            for part in parts_of(rows):
                number += 1
                sheet = book.add_worksheet(name_sheet(name, number))
                write_sheet(sheet, head, part, formats)


def parts_of(rows: Iterable[Sequence[Cell]]) -> Iterator[Iterable[Sequence[Cell]]]:
    """Yield the rows of each sheet, the first also without any: one holds only so many."""
    left = iter(rows)
    yield islice(left, MOST_ROWS)
    for first in left:
        yield chain([first], islice(left, MOST_ROWS - 1))


def write_sheet(
    sheet: Any, head: Sequence[str], rows: Iterable[Sequence[Cell]], formats: dict[str, Any]
) -> None:
    """Write the heading and rows of a sheet."""
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(len(head) - 1, 0), 20)
    for column, title in enumerate(head):
        sheet.write_string(0, column, title, formats["head"])
    for line, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            write_cell(sheet, line, column, value, formats)


def name_sheet(name: str, number: int) -> str:
    """Return a name that a sheet may bear, no two alike."""
    plain = re.sub(r"[\[\]:*?/\\']", " ", name).strip()
    return f"{number} {plain}"[:31].strip() if number > 1 else plain[:31].strip() or "1"


def write_cell(sheet: Any, line: int, column: int, value: Cell, formats: dict[str, Any]) -> None:
    """Write one cell as what it is."""
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(line, column, value)
        case datetime():
            local = value.astimezone(SHANGHAI).replace(tzinfo=None)
            sheet.write_datetime(line, column, local, formats["moment"])
        case date():
            sheet.write_datetime(line, column, value, formats["date"])
        case str():
            sheet.write_string(line, column, defuse(value)[:LONGEST], formats["text"])
        case _:
            sheet.write_number(line, column, value)
