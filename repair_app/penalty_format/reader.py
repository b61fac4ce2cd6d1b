"""Reading a file of penalties, CSV or XLSX, row by row with the line numbers that people see."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from repair_app.penalty_format.columns import COLUMNS, Column, find_column
from repair_app.penalty_format.problems import find_file_problem
from repair_app.penalty_format.row import PenaltyRow, RowProblem, find_problem, parse_row
from repair_app.penalty_format.xlsx import open_sheet, sheet_rows

MAX_BYTES: Final = 256 * 2**20
DELIMITERS: Final = (",", "\t", ";")
HEAD: Final = 64 * 2**10  # bytes: the headings, and enough text to tell encodings apart
MARKS: Final = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
ZIP: Final = b"PK\x03\x04"
OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DAYS: Final = frozenset(
    ("decided_on", "valid_until", "publish_until", "publicised_on", "conduct_ended_on")
)
AMOUNTS: Final = frozenset(("fine_10k", "confiscated_10k"))
EXCEL_EPOCH: Final = date(1899, 12, 30)
EXCEL_DAYS: Final = range(1, 2_958_466)  # 1900-01-01 to 9999-12-31
EXACT: Final = 10**15  # below it a spreadsheet's number has all its digits
NOISE: Final = 9  # decimal places; further ones are the rounding of binary fractions

Row = PenaltyRow | list[RowProblem]
Record = tuple[int, list[Any] | str]
"""The first line of a record with its cells, or with the code of why they cannot be read."""


@dataclass(frozen=True)
class Reading:
    """An opened file: its headings as written, and its rows, which can be gone through once.

    `unknown_columns` are the headings that nothing is read from; `unread_sheets` the visible
    sheets after the first. `rows` yields (line, PenaltyRow or the list of its problems), without
    blank rows. Line 1 is the first of the file; a record of several lines counts by its first.
    """

    headings: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    unread_sheets: tuple[str, ...]
    rows: Iterator[tuple[int, Row]]

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        return self.rows


def read_rows(source: Path | str | bytes, today: date) -> Reading:
    """Open a file (its path, or its bytes) of the national penalty format, CSV or XLSX.

    `today` is the day that no decision can be later than. Encoding, delimiter and the order of
    columns are found from the headings. Raises FileProblem when no row can be read (its codes are
    in `problems.FILE_MESSAGES`) and OSError when the path cannot; going through the rows raises
    nothing but FileProblem, for a workbook that breaks off.
    """
    content = load(source)
    if content.startswith(ZIP):
        sheet, unread = open_sheet(content)
        return start_reading(enumerate(sheet_rows(sheet), 1), today, unread, typed=True)
    if content.startswith(OLD_EXCEL):
        raise find_file_problem("old_excel")
    return start_reading(csv_records(content), today, typed=False)


def load(source: Path | str | bytes) -> bytes:
    """Return the bytes of a source. Raises FileProblem `empty` or `too_large`, or OSError."""
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if size > MAX_BYTES:
        raise find_file_problem("too_large", str(MAX_BYTES // 2**20))
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    if not content.strip(b"\xef\xbb\xbf\xff\xfe\r\n\t ,;\x00"):
        raise find_file_problem("empty")
    return content


def csv_records(content: bytes) -> Iterator[Record]:
    """Yield the records of CSV bytes with their first lines. Raises FileProblem."""
    encoding, delimiter = find_dialect(content)
    text = decode(content, encoding)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = lines.line_num + 1
        try:
            yield line, next(lines)
        except csv.Error:
            yield line, "csv_damaged"
        except StopIteration:
            return


def find_dialect(content: bytes) -> tuple[str, str]:
    """Return encoding and delimiter, those under which headings are known.

    Raises FileProblem `not_a_table` for what is no text, `no_headings` for other text.
    """
    head = content[:HEAD]
    for encoding in find_encodings(head):
        text = head.decode(encoding, "replace").removeprefix("\ufeff")
        known = {mark: count_known(text, mark) for mark in DELIMITERS}
        if any(known.values()):
            return encoding, max(known, key=known.__getitem__)
    raise find_file_problem("not_a_table" if b"\x00" in head else "no_headings")


def find_encodings(head: bytes) -> list[str]:
    """Return the encodings that the start of a file may be in, the likeliest first."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return [encoding]
    lines = head[: head.rfind(b"\n") + 1] or head
    eight_bit = sorted(
        ("utf-8", "gb18030"), key=lambda encoding: lines.decode(encoding, "replace").count("\ufffd")
    )
    return [*eight_bit, "utf-16-le", "utf-16-be"] if b"\x00" in head else eight_bit


def count_known(text: str, delimiter: str) -> int:
    """Return how many cells of the first record that is not blank are known headings."""
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if not is_blank(record):
                return sum(find_column(cell) is not None for cell in record)
    except csv.Error:
        pass
    return 0


def decode(content: bytes, encoding: str) -> str:
    """Return the text without its byte order mark; bytes that mean nothing are lone surrogates.

    Raises FileProblem `encoding` where UTF-16 breaks off.
    """
    lenient = "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"
    try:
        return content.decode(encoding, lenient).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, "ignore").count("\n") + 1
        raise find_file_problem("encoding", str(line)) from error


def is_blank(cells: Iterable[Any]) -> bool:
    """Say whether no cell of a record holds anything."""
    return all(isinstance(cell, str) and not cell.strip() for cell in cells)


def start_reading(
    records: Iterator[Record],
    today: date,
    unread_sheets: tuple[str, ...] = (),
    *,
    typed: bool,
) -> Reading:
    """Return the reading of records whose first, blank ones aside, is the headings.

    Raises FileProblem: `empty`, `no_headings`, `repeated_columns`, `missing_columns`.
    """
    filled = (one for one in records if isinstance(one[1], str) or not is_blank(one[1]))
    _, first = next(filled, (0, []))
    if isinstance(first, str) or not first:
        raise find_file_problem("no_headings" if first else "empty")
    headings = tuple(str(cell).strip() for cell in first)
    columns = [find_column(heading) for heading in headings]
    check_columns(headings, columns)
    return Reading(
        headings=headings,
        unknown_columns=tuple(
            heading
            for heading, column in zip(headings, columns, strict=True)
            if heading and column is None
        ),
        unread_sheets=unread_sheets,
        rows=parse_records(filled, columns, today, typed=typed),
    )


def check_columns(headings: tuple[str, ...], columns: list[Column | None]) -> None:
    """Raise FileProblem when columns that must be there are not, or one is there twice."""
    present = [column.key for column in columns if column]
    if not present:
        raise find_file_problem("no_headings")
    repeated = [
        heading
        for heading, column in zip(headings, columns, strict=True)
        if column and present.count(column.key) > 1
    ]
    if repeated:
        raise find_file_problem("repeated_columns", "、".join(repeated))
    missing = [one.heading for one in COLUMNS if one.required and one.key not in present]
    if missing:
        raise find_file_problem("missing_columns", "、".join(missing))


def parse_records(
    records: Iterable[Record], columns: list[Column | None], today: date, *, typed: bool
) -> Iterator[tuple[int, Row]]:
    """Yield what each record says, or its problems; `typed` cells are not only text."""
    kept = [(place, column.key) for place, column in enumerate(columns) if column and column.kept]
    keys = [key for _, key in kept]
    pick = itemgetter(*(place for place, _ in kept))
    width = len(columns)
    for line, cells in records:
        if isinstance(cells, str):
            yield line, [find_problem(line, "", cells)]
            continue
        cells.extend([""] * (width - len(cells)))
        named = dict(zip(keys, pick(cells), strict=True))
        row = parse_row(line, cells_as_text(named) if typed else named, today)
        if len(cells) > width and not is_blank(cells[width:]):
            others = row if isinstance(row, list) else []
            row = [find_problem(line, "", "too_many_cells"), *others]
        yield line, row


def cells_as_text(named: dict[str, Any]) -> dict[str, str]:
    """Return the cells with a spreadsheet's days and numbers written out."""
    for key, value in named.items():
        if not isinstance(value, str):
            named[key] = write_out(value, key)
    return named


def write_out(value: Any, key: str) -> str:
    """Return a spreadsheet's value as text: a number under a day's heading is a day's number."""
    if isinstance(value, date):  # a datetime, too
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if key in DAYS and int(value) in EXCEL_DAYS:
        return (EXCEL_EPOCH + timedelta(days=int(value))).isoformat()
    if key in AMOUNTS:
        return format(Decimal(repr(round(value, NOISE))), "f")
    return str(int(value)) if value == int(value) and abs(value) < EXACT else repr(value)
