"""The periodic report: the tables of a board, printed (PDF) or as a workbook (XLSX)."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from flask_babel import gettext

from config import ROOT
from repair_app import letters, sheets
from repair_app.db import now
from repair_app.services.statistics.boards import AUDIENCE_NAMES, Board
from repair_app.services.statistics.tables import Table, Value

MOST_WITH_BARS: Final = 5  # columns; more leave no room
TEMPLATES: Final = ROOT / "templates" / "reports"
MEDIA_TYPES: Final = {"pdf": "application/pdf", "xlsx": sheets.MEDIA_TYPES["xlsx"]}


def name_file(board: Board, form: str) -> str:
    """Return what the file of a report is called."""
    period = board.period
    return f"redress-{period.name or f'{period.first}_{period.last}'}.{form}"


def write_pdf(board: Board, lang: str) -> bytes:
    """Return a report as a tagged PDF (PDF/UA-1), in "zh" or "en"."""
    return compile_report(board, lang, "pdf")


def compile_report(board: Board, lang: str, form: str) -> bytes:
    """Return a report as "pdf", or its first page as "png"."""
    import typst

    moment = now()
    told = json.dumps(describe(board, lang), ensure_ascii=False, sort_keys=True)
    compiler = typst.Compiler(
        input=TEMPLATES / "periodic.typ",
        root=TEMPLATES,
        font_paths=letters.fonts(),
        ignore_system_fonts=True,
        sys_inputs={"report": letters.printable(told)},
    )
    made: Any = compiler.compile(
        format="pdf" if form == "pdf" else "png",
        pdf_standards=["ua-1"] if form == "pdf" else [],
        timestamp=int(moment.timestamp()),
    )
    return bytes(made[0] if isinstance(made, list) else made)


def describe(board: Board, lang: str) -> dict[str, Any]:
    """Return what the template reads."""
    title = gettext("Report on objections and credit repair")
    return {
        "lang": lang,
        "title": str(title),
        "period": board.period.words,
        "who": str(AUDIENCE_NAMES[board.audience]),
        "kind": board.kinds.get(board.workflow, str(gettext("All kinds of matter"))),
        "made": str(gettext("Made on %(day)s", day=letters.day_in_words(now(), lang))),
        "nothing": str(gettext("Nothing in this period.")),
        "page": str(gettext("Page")),
        "tables": [describe_table(one) for one in board.tables],
    }


def describe_table(table: Table) -> dict[str, Any]:
    """Return a table as the template prints it: words, and how long the bar of each row is."""
    return {
        "title": table.title,
        "head": list(table.head),
        "rows": [[print_value(one) for one in row] for row in table.rows],
        "numbers": [any(is_number(row[at]) for row in table.rows) for at in range(len(table.head))],
        "bars": lengths_of(table),
        "note": table.note,
    }


def lengths_of(table: Table) -> list[float]:
    """Return the lengths of the bars of the first column that is drawn, from 0 to 1."""
    if table.chart is None or not table.rows or len(table.head) > MOST_WITH_BARS:
        return []
    at = 1 if table.chart.kind == "stack" else table.chart.columns[0]
    values = [row[at] for row in table.rows]
    numbers = [float(one) if isinstance(one, int | float) else 0.0 for one in values]
    most = max(numbers, default=0) or 1
    return [one / most for one in numbers]


def is_number(value: Value) -> bool:
    """Say whether a value is a number, or one that is not shown."""
    return value is None or isinstance(value, int | float)


def print_value(value: Value) -> str:
    """Return a value as it is printed."""
    if value is None:
        return str(gettext("not shown"))
    return f"{value:g}" if isinstance(value, float) else str(value)


def write_xlsx(board: Board, lang: str) -> bytes:  # noqa: ARG001  # as the other writers are called
    """Return a report as a workbook: a sheet for each table."""
    with TemporaryDirectory(prefix="redress-") as folder:
        path = Path(folder) / "report.xlsx"
        sheets.write_book(path, [head_sheet(board), *map(as_sheet, board.tables)])
        return path.read_bytes()


def head_sheet(board: Board) -> tuple[str, Sequence[str], list[Sequence[sheets.Cell]]]:
    """Return the first sheet: what the workbook is about."""
    told = describe(board, "zh")
    rows: list[Sequence[sheets.Cell]] = [
        [gettext("Period"), told["period"]],
        [gettext("Matter"), told["kind"]],
        [gettext("Of"), told["who"]],
        [gettext("Made"), now()],
    ]
    return gettext("About this report"), [told["title"], ""], rows


def as_sheet(table: Table) -> tuple[str, Sequence[str], list[Sequence[sheets.Cell]]]:
    """Return a table as a sheet."""
    return table.title, table.head, [list(row) for row in table.rows]


WRITERS: Final[Mapping[str, Callable[[Board, str], bytes]]] = {
    "pdf": write_pdf,
    "xlsx": write_xlsx,
}
