"""The answer to an import: a CSV file with what became of every row, safe to open anywhere."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

PIECE: Final = 1 << 16  # characters handed on at a time
HEADINGS: Final = ("line", "verdict", "column", "code", "message")
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Verdict = tuple[int, str, str, str, str]
"""Line, verdict, column, code and message."""


def write_verdicts(path: Path | str, verdicts: Iterable[Verdict]) -> int:
    """Write the verdicts as CSV (UTF-8 with a byte order mark, for spreadsheets); return how many.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it. What cannot
    be written as UTF-8 is written as an escape. Raises OSError when the file cannot be written.
    """
    count = 0
    with Path(path).open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADINGS)
        for line, *texts in verdicts:
            table.writerow((line, *map(disarm, texts)))
            count += 1
    return count


def verdict_lines(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Yield the same table piece by piece, so that a million rows are never held at once."""
    buffer = io.StringIO()
    table = csv.writer(buffer)
    buffer.write("\ufeff")
    table.writerow(HEADINGS)
    for line, *texts in verdicts:
        table.writerow((line, *map(disarm, texts)))
        if buffer.tell() > PIECE:
            yield take(buffer)
    yield take(buffer)


def take(buffer: io.StringIO) -> str:
    """Return what was written to a buffer, as UTF-8 can have it, and empty it."""
    text = buffer.getvalue().encode("utf-8", "backslashreplace").decode()
    buffer.seek(0)
    buffer.truncate()
    return text


def disarm(cell: str) -> str:
    """Return the cell so that no spreadsheet takes it for a formula (CWE-1236)."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
