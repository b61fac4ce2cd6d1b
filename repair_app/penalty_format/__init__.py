"""The national format of penalties (2018 no. 424): reading, checking, normalising. Pure."""

from repair_app.penalty_format.columns import (
    CATEGORY_LABELS,
    COLUMNS,
    EXTRA_COLUMNS,
    Category,
    Column,
    find_column,
)
from repair_app.penalty_format.entries import ENTRY_FORMATS, EntryRow, read_entries
from repair_app.penalty_format.notices import Notice, read_notices, read_notices_sent
from repair_app.penalty_format.problems import FILE_MESSAGES, FileProblem
from repair_app.penalty_format.reader import Reading, read_objects, read_rows
from repair_app.penalty_format.row import MESSAGES, PenaltyRow, RowProblem, parse_row
from repair_app.penalty_format.uscc import InvalidUscc, check_uscc, is_uscc, normalise_uscc
from repair_app.penalty_format.verdicts import Verdict, verdict_lines, write_verdicts

__all__ = [
    "CATEGORY_LABELS",
    "COLUMNS",
    "ENTRY_FORMATS",
    "EXTRA_COLUMNS",
    "FILE_MESSAGES",
    "MESSAGES",
    "Category",
    "Column",
    "EntryRow",
    "FileProblem",
    "InvalidUscc",
    "Notice",
    "PenaltyRow",
    "Reading",
    "RowProblem",
    "Verdict",
    "check_uscc",
    "find_column",
    "is_uscc",
    "normalise_uscc",
    "parse_row",
    "read_entries",
    "read_notices",
    "read_notices_sent",
    "read_objects",
    "read_rows",
    "verdict_lines",
    "write_verdicts",
]
