"""The answer to an import: a CSV file with what became of every row, safe to open anywhere."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

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


def disarm(cell: str) -> str:
    """Return the cell so that no spreadsheet takes it for a formula (CWE-1236)."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
