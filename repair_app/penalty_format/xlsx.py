"""Reading the first visible sheet of an XLSX workbook, once it is known to be safe to open.

The reader (calamine) unpacks whatever it is given and lays a sheet out as one dense rectangle: a
file of some kilobytes can so ask for gigabytes. `check_workbook` unpacks every part with a limit
and looks how far its cells reach before the reader sees the file.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from repair_app import archives
from repair_app.penalty_format.problems import find_file_problem

MAX_AREA: Final = 12_000_000  # cells in the rectangle that holds them all
PIECE: Final = 2**20

CELL: Final = re.compile(rb'<(?:[^<>\s/:]*:)?c(?:\s+r="([A-Z]{1,3})([0-9]{1,7})"|(?=[\s/>]))')


def open_sheet(content: bytes) -> tuple[CalamineSheet, tuple[str, ...]]:
    """Return the first visible sheet, and the names of the other visible ones.

    Raises FileProblem: `xlsx_bomb`, `xlsx_damaged`, `xlsx_password`, `xlsx_too_wide`, `empty`.
    """
    check_workbook(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
        ]
        if not names:
            raise find_file_problem("empty")
        return workbook.get_sheet_by_name(names[0]), tuple(names[1:])
    except (CalamineError, OSError, ValueError) as error:
        raise find_file_problem("xlsx_damaged") from error


def check_workbook(content: bytes) -> None:
    """Raise FileProblem unless a zip's parts are few, small, apart, and not made to swell."""
    try:
        parts = archives.list_parts(content)
    except archives.Damaged as error:
        raise find_file_problem("xlsx_damaged") from error
    except archives.Unsafe as error:
        raise find_file_problem("xlsx_bomb") from error
    if archives.is_encrypted(parts):
        raise find_file_problem("xlsx_password")
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise find_file_problem("xlsx_damaged")
    area = Area()
    for part in parts:
        area.restart()
        for piece in unpack(content, part):
            area.add(piece)


def unpack(content: bytes, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a part piece by piece; raise FileProblem when it is larger than its directory says."""
    start = part.header_offset
    if len(content) < start + archives.LOCAL_HEADER.size:
        raise find_file_problem("xlsx_damaged")
    signature, name_length, extra_length = archives.LOCAL_HEADER.unpack_from(content, start)
    if signature != b"PK\x03\x04":
        raise find_file_problem("xlsx_damaged")
    start += archives.LOCAL_HEADER.size + name_length + extra_length
    packed = content[start : start + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        yield packed
    elif part.compress_type == zipfile.ZIP_DEFLATED:
        yield from _inflate(packed, part.file_size)
    else:
        raise find_file_problem("xlsx_damaged")


def _inflate(packed: bytes, size: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    count = 0
    while not inflater.eof:
        try:
            piece = inflater.decompress(packed, PIECE)
        except zlib.error as error:
            raise find_file_problem("xlsx_damaged") from error
        count += len(piece)
        if count > size:
            raise find_file_problem("xlsx_bomb")
        if not piece and not inflater.eof:
            raise find_file_problem("xlsx_damaged")
        yield piece
        packed = inflater.unconsumed_tail


class Area:
    """How far the cells of a sheet reach, seen piece by piece whatever else the XML is."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin another part."""
        self.pending: list[bytes] = []
        self.columns: set[bytes] = set()
        self.width = self.height = 0

    def add(self, piece: bytes) -> None:
        """Look at the next piece. Raises FileProblem: `xlsx_too_wide`, `xlsx_damaged`."""
        cut = piece.rfind(b"<")
        if cut < 0:  # inside one long text
            self.pending.append(piece)
            return
        whole = b"".join([*self.pending, piece[:cut]])
        self.pending = [piece[cut:]]
        self.look(whole)

    def look(self, xml: bytes) -> None:
        """Stretch the area to the cells in whole tags of XML, and compare it with the limit."""
        places = CELL.findall(xml)
        if not places:
            return
        columns, rows = zip(*places, strict=True)
        fresh = set(columns) - self.columns
        if b"" in fresh:  # a cell that does not say where it is, as no office program writes
            raise find_file_problem("xlsx_damaged")
        self.columns |= fresh
        self.width = max(self.width, *map(column_number, fresh), 0)
        self.height = max(self.height, *map(int, set(rows)))
        if self.width * self.height > MAX_AREA:
            raise find_file_problem("xlsx_too_wide")


def column_number(letters: bytes) -> int:
    """Return the number of a column from its letters: A is 1, Z 26, AA 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def sheet_rows(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """Yield the rows of a sheet from its first, blank ones included; raises FileProblem."""
    try:
        yield from sheet.iter_rows()
    except CalamineError as error:
        raise find_file_problem("xlsx_damaged") from error
