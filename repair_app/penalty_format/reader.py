"""Reading a file of penalties, CSV or XLSX, row by row with the line numbers that people see."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

from repair_app.penalty_format.columns import COLUMNS, Column, find_column
from repair_app.penalty_format.problems import FileProblem, find_file_problem
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
LONGEST: Final = 2**20  # characters of a line of a stream: no row is as long
NOTHING: Final = b"\xef\xbb\xbf\xff\xfe\r\n\t ,;\x00"  # what an empty file may hold
ZIP: Final = b"PK\x03\x04"
OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DAYS: Final = frozenset(
    (
        "decided_on",
        "valid_until",
        "publish_until",
        "publicised_on",
        "conduct_ended_on",
        "valid_from",
        "removed_on",
        "issued_on",
        "filed_on",
        "value_decided_on",
        "value_publicised_on",
        "value_conduct_ended_on",
    )
)
AMOUNTS: Final = frozenset(
    ("fine_10k", "confiscated_10k", "value_fine_10k", "value_confiscation_10k")
)
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
    position: Callable[[], int] = int  # bytes of a stream that were read so far

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        return self.rows


@dataclass(frozen=True)
class Layout:
    """How a kind of file is laid out: its columns, what a heading stands for, what reads a row."""

    find: Callable[[str], Column | None]
    columns: tuple[Column, ...]
    parse: Callable[[int, Mapping[str, str], date], Any]


PENALTIES: Final = Layout(find_column, COLUMNS, parse_row)


def read_rows(
    source: Path | str | bytes | BinaryIO, today: date, layout: Layout = PENALTIES
) -> Reading:
    """Open a file (its path, its bytes, or a stream that can seek) of the penalty format.

    CSV or XLSX. `today` is the day that no decision can be later than. Encoding, delimiter and the
    order of columns are found from the headings. Of CSV in a stream no more than a piece is in
    memory at a time. Raises FileProblem when no row can be read (its codes are in
    `problems.FILE_MESSAGES`) and OSError when the path cannot; going through the rows raises
    nothing but FileProblem, for a workbook or a stream of UTF-16 that breaks off.
    """
    if not isinstance(source, Path | str | bytes):
        head = read_head(source)
        if not head.startswith((ZIP, OLD_EXCEL)):
            records = stream_records(source, *find_dialect(head, layout))
            return start_reading(records, today, typed=False, position=source.tell, layout=layout)
        source = read_whole(source)
    content = load(source)
    if content.startswith(ZIP):
        sheet, unread = open_sheet(content)
        return start_reading(
            enumerate(sheet_rows(sheet), 1), today, unread, typed=True, layout=layout
        )
    if content.startswith(OLD_EXCEL):
        raise find_file_problem("old_excel")
    return start_reading(csv_records(content, layout), today, typed=False, layout=layout)


def read_objects(
    rows: Iterable[Mapping[str, Any]], today: date, layout: Layout = PENALTIES
) -> Reading:
    """Return the reading of rows that are sent one by one, by heading, code or key of the columns.

    Their lines are counted from 1. A column that is missing is one of the row's own problems.
    """
    unknown: dict[str, None] = {}
    read = []
    for line, row in enumerate(rows, 1):
        named: dict[str, Any] = {}
        repeated = False
        for heading, value in row.items():
            column = layout.find(heading)
            if column is None:
                unknown[heading] = None
            elif column.kept:
                repeated = repeated or column.key in named
                named[column.key] = "" if value is None else value
        found: Row = layout.parse(line, cells_as_text(named), today)
        if repeated:
            others = found if isinstance(found, list) else []
            found = [find_problem(line, "", "named_twice"), *others]
        read.append((line, found))
    return Reading((), tuple(unknown), (), iter(read))


def read_head(source: BinaryIO) -> bytes:
    """Return the beginning of a stream, which is then rewound. Raises FileProblem `empty`."""
    pieces, size = [], 0
    while size < HEAD and (piece := source.read(HEAD - size)):
        pieces.append(piece)
        size += len(piece)
    source.seek(0)
    head = b"".join(pieces)
    if not head.strip(NOTHING):
        raise find_file_problem("empty")
    return head


def read_whole(source: BinaryIO) -> bytes:
    """Return all bytes of a stream. Raises FileProblem `too_large`."""
    content = bytearray()
    while piece := source.read(MAX_BYTES // 64):
        content += piece
        if len(content) > MAX_BYTES:
            raise find_file_problem("too_large", str(MAX_BYTES // 2**20))
    return bytes(content)


def load(source: Path | str | bytes) -> bytes:
    """Return the bytes of a source. Raises FileProblem `empty` or `too_large`, or OSError."""
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if size > MAX_BYTES:
        raise find_file_problem("too_large", str(MAX_BYTES // 2**20))
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    if not content.strip(NOTHING):
        raise find_file_problem("empty")
    return content


def csv_records(content: bytes, layout: Layout = PENALTIES) -> Iterator[Record]:
    """Yield the records of CSV bytes with their first lines. Raises FileProblem."""
    encoding, delimiter = find_dialect(content, layout)
    return split_records(io.StringIO(decode(content, encoding), newline=""), delimiter)


def stream_records(source: BinaryIO, encoding: str, delimiter: str) -> Iterator[Record]:
    """Yield the records of a CSV stream. Raises FileProblem where UTF-16 breaks off."""
    line = 1
    text = io.TextIOWrapper(source, encoding, lenient(encoding), newline="")
    try:
        for line, cells in split_records(without_mark(text), delimiter):
            yield line, cells
    except UnicodeDecodeError as error:
        raise find_file_problem("encoding", str(line)) from error
    finally:
        with suppress(ValueError):  # it was closed already
            text.detach()  # or the stream would be closed with it


def without_mark(text: TextIO) -> Iterator[str]:
    """Yield lines, the first without its byte order mark; one that never ends in pieces."""
    first = text.readline(LONGEST)
    yield first.removeprefix("\ufeff")
    yield from iter(partial(text.readline, LONGEST), "")


def split_records(text: Iterable[str], delimiter: str) -> Iterator[Record]:
    """Yield the records of CSV text with their first lines."""
    lines = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = lines.line_num + 1
        try:
            yield line, next(lines)
        except csv.Error:
            yield line, "csv_damaged"
        except StopIteration:
            return


def find_dialect(content: bytes, layout: Layout = PENALTIES) -> tuple[str, str]:
    """Return encoding and delimiter, those under which headings are known.

    Raises FileProblem `not_a_table` for what is no text, `no_headings` for other text.
    """
    head = content[:HEAD]
    for encoding in find_encodings(head):
        text = head.decode(encoding, "replace").removeprefix("\ufeff")
        known = {mark: count_known(text, mark, layout) for mark in DELIMITERS}
        if any(known.values()):
            return encoding, max(known, key=known.__getitem__)
    raise find_file_problem("not_a_table") if b"\x00" in head else without_headings(layout)


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


def count_known(text: str, delimiter: str, layout: Layout = PENALTIES) -> int:
    """Return how many cells of the first record that is not blank are known headings."""
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if not is_blank(record):
                return sum(layout.find(cell) is not None for cell in record)
    except csv.Error:
        pass
    return 0


def decode(content: bytes, encoding: str) -> str:
    """Return the text without its byte order mark; bytes that mean nothing are lone surrogates.

    Raises FileProblem `encoding` where UTF-16 breaks off.
    """
    try:
        return content.decode(encoding, lenient(encoding)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, "ignore").count("\n") + 1
        raise find_file_problem("encoding", str(line)) from error


def lenient(encoding: str) -> str:
    """Return what becomes of bytes that mean nothing in an encoding: lone surrogates."""
    return "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"


def is_blank(cells: Iterable[Any]) -> bool:
    """Say whether no cell of a record holds anything."""
    return all(isinstance(cell, str) and not cell.strip() for cell in cells)


def start_reading(
    records: Iterator[Record],
    today: date,
    unread_sheets: tuple[str, ...] = (),
    *,
    typed: bool,
    position: Callable[[], int] = int,
    layout: Layout = PENALTIES,
) -> Reading:
    """Return the reading of records whose first, blank ones aside, is the headings.

    Raises FileProblem: `empty`, `no_headings`, `repeated_columns`, `missing_columns`.
    """
    filled = (one for one in records if isinstance(one[1], str) or not is_blank(one[1]))
    _, first = next(filled, (0, []))
    if isinstance(first, str) or not first:
        raise without_headings(layout) if first else find_file_problem("empty")
    headings = tuple(str(cell).strip() for cell in first)
    columns = [layout.find(heading) for heading in headings]
    check_columns(headings, columns, layout)
    return Reading(
        headings=headings,
        unknown_columns=tuple(
            heading
            for heading, column in zip(headings, columns, strict=True)
            if heading and column is None
        ),
        unread_sheets=unread_sheets,
        rows=parse_records(filled, columns, today, typed=typed, parse=layout.parse),
        position=position,
    )


def without_headings(layout: Layout) -> FileProblem:
    """Return the problem of a file without known headings, with some that it could have."""
    wanted = ([one for one in layout.columns if one.required] or [*layout.columns])[:3]
    headings, codes = (
        "、".join(one.heading for one in wanted),
        [one.code or one.heading for one in wanted],
    )
    return find_file_problem("no_headings", headings, ", ".join(codes))


def check_columns(
    headings: tuple[str, ...], columns: list[Column | None], layout: Layout = PENALTIES
) -> None:
    """Raise FileProblem when columns that must be there are not, or one is there twice."""
    present = [column.key for column in columns if column]
    if not present:
        raise without_headings(layout)
    repeated = [
        heading
        for heading, column in zip(headings, columns, strict=True)
        if column and present.count(column.key) > 1
    ]
    if repeated:
        raise find_file_problem("repeated_columns", "、".join(repeated))
    missing = [one.heading for one in layout.columns if one.required and one.key not in present]
    if missing:
        raise find_file_problem("missing_columns", "、".join(missing))


def parse_records(
    records: Iterable[Record],
    columns: list[Column | None],
    today: date,
    *,
    typed: bool,
    parse: Callable[[int, Mapping[str, str], date], Row] = parse_row,
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
        row = parse(line, cells_as_text(named) if typed else named, today)
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
