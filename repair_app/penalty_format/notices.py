"""Notices of providers: corrections, withdrawals and annulments of records, one a row.

A row names a record by our reference, or by the number of the decision and the enterprise's code,
and says what is to be done. What that asks for is for the forms of the steps to say: here only what
names the record and the step is checked, and that cells can be read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO, Final

from repair_app.penalty_format.cells import (
    CellFlaw,
    read_day,
    read_decision_no,
    read_line,
    read_text,
)
from repair_app.penalty_format.columns import BY_KEY, Column, plain_heading
from repair_app.penalty_format.reader import Layout, Reading, read_objects, read_rows
from repair_app.penalty_format.row import RowProblem, find_problem, read_cell, read_uscc_cell

CORRECT, TAKE_DOWN, ANNUL = "correct", "take_down", "annul"
ACTIONS: Final[Mapping[str, str]] = {
    "更正": CORRECT,
    "撤下": TAKE_DOWN,
    "撤销": ANNUL,
    CORRECT: CORRECT,
    TAKE_DOWN: TAKE_DOWN,
    ANNUL: ANNUL,
}
ANNULLED: Final[Mapping[str, str]] = {
    "撤销": "annulled",
    "变更": "changed",
    "确认违法": "unlawful",
    "annulled": "annulled",
    "changed": "changed",
    "unlawful": "unlawful",
}
MOST_OF_A_FILE: Final = 12 << 20  # characters of Base64
# Column of the penalty format -> field of the record; a corrected number has a heading of its own.
CORRECTED: Final[Mapping[str, str]] = {
    "violation_type": "violation_type",
    "violation_facts": "violation_facts",
    "legal_basis": "legal_basis",
    "content": "penalty_content",
    "fine_10k": "fine_10k",
    "confiscated_10k": "confiscation_10k",
    "decided_on": "decided_on",
    "publicised_on": "publicised_on",
    "conduct_ended_on": "conduct_ended_on",
}


def corrected(key: str, field: str) -> Column:
    """Return the column of the new value of a field: headed as the penalty's, or 更正后 with it."""
    of = BY_KEY[key]
    names = (of.heading, of.code, *of.aliases)
    more = tuple(f"更正后{one}" for one in (*of.aliases, "") if one)
    return Column(f"value_{field}", f"更正后{of.heading}", key, 5000, aliases=(*names, *more))


COLUMNS: Final = (
    Column("action", "办理事项", "BLSX", 16, required=True, aliases=("操作",)),
    Column("ref", "记录编号", "JLBH", 40),
    Column("decision_no", "行政处罚决定书文号", "CF_WSH", 128, aliases=("处罚决定书文号",)),
    Column(
        "uscc",
        "行政相对人代码_1(统一社会信用代码)",
        "CF_XDR_SHXYM",
        18,
        aliases=("统一社会信用代码", "行政相对人代码_1"),
    ),
    Column("reason", "理由", "LY", 5000, aliases=("说明",)),
    Column("annulled", "原决定处理结果", "CLJG", 16),
    Column("body", "文书出具机关", "WSJG", 200),
    Column("number", "文书文号", "WSWH", 100),
    Column("issued_on", "文书出具日期", "WSRQ", 32),
    Column("file_name", "文书文件名", "WSWJM", 200),
    Column("file", "文书文件(Base64)", "WSWJ", MOST_OF_A_FILE),
    *(corrected(key, field) for key, field in CORRECTED.items()),
    Column("value_decision_no", "更正后行政处罚决定书文号", "XWSH", 128),
)
HEADINGS: Final = {one.key: one.heading for one in COLUMNS}
KNOWN: Final = {
    plain_heading(name): one
    for one in COLUMNS
    for name in (one.heading, one.code, one.key, *one.aliases)
}


@dataclass(frozen=True)
class Notice:
    """What a row asks for; `values` are the new ones, by field of the record, as they were typed.

    `annulled` is a code of the form, `issued_on` a day as ISO text; empty where nothing was said.
    """

    action: str
    ref: str
    decision_no: str
    uscc: str
    reason: str
    annulled: str
    body: str
    number: str
    issued_on: str
    file_name: str
    file: str
    values: Mapping[str, str]


def parse_notice(line: int, cells: Mapping[str, str], _today: date) -> Notice | list[RowProblem]:
    """Return the notice, or all that is wrong with it in the order of the columns."""
    values: dict[str, str] = {}
    problems = []
    for column in COLUMNS:
        try:
            cell = cells.get(column.key, "")
            read = READERS.get(column.key, read_text)
            found = read_cell(column, cell, read) if cell or column.required else None
            values[column.key] = found or ""
        except CellFlaw as flaw:
            problems.append(find_problem(line, column.heading, flaw.code, column.length))
    if not problems and not (values["ref"] or (values["decision_no"] and values["uscc"])):
        problems.append(find_problem(line, HEADINGS["ref"], "names_no_record"))
    if problems:
        return problems
    new = {key: text for key, text in values.items() if key.startswith("value_") and text}
    named = {key: text for key, text in values.items() if not key.startswith("value_")}
    return Notice(**named, values={key.removeprefix("value_"): new[key] for key in new})


def read_action(cell: str) -> str:
    """Return what is to be done. Raises CellFlaw `action_unknown`."""
    return read_word(cell, ACTIONS, "action_unknown")


def read_annulled(cell: str) -> str:
    """Return what became of the decision. Raises CellFlaw `annulled_unknown`."""
    return read_word(cell, ANNULLED, "annulled_unknown")


def read_word(cell: str, words: Mapping[str, str], code: str) -> str:
    """Return what a word stands for, nothing for a blank. Raises CellFlaw."""
    word = read_line(cell).strip()
    if word and word not in words:
        raise CellFlaw(code)
    return words.get(word, "")


def read_day_as_text(cell: str) -> str:
    """Return a day as ISO text. Raises CellFlaw."""
    day = read_day(cell)
    return day.isoformat() if day else ""


READERS: Final[Mapping[str, Any]] = {
    "action": read_action,
    "ref": read_line,
    "decision_no": read_decision_no,
    "uscc": read_uscc_cell,
    "annulled": read_annulled,
    "issued_on": read_day_as_text,
    "file": str.strip,
}
NOTICES: Final = Layout(lambda heading: KNOWN.get(plain_heading(heading)), COLUMNS, parse_notice)


def read_notices(source: bytes | BinaryIO, today: date) -> Reading:
    """Open a file of notices; raises and answers as `read_rows` does."""
    return read_rows(source, today, NOTICES)


def read_notices_sent(rows: Iterable[Mapping[str, Any]], today: date) -> Reading:
    """Return the reading of notices that are sent one by one, as `read_objects` does."""
    return read_objects(rows, today, NOTICES)
