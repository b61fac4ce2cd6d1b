"""Licences and lists beside the penalties (2018 no. 424, XK_ codes; the lists of the registers).

They are read as strictly as penalties are: every cell is right, blank, or told to be wrong. What is
obligatory is what names an entry: enterprise, agency, day, and the reason or content.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, BinaryIO, Final

from repair_app.penalty_format.cells import (
    CellFlaw,
    read_day,
    read_decision_no,
    read_end,
    read_name,
    read_text,
)
from repair_app.penalty_format.columns import Column, plain_heading
from repair_app.penalty_format.reader import Layout, Reading, read_rows
from repair_app.penalty_format.row import (
    RowProblem,
    canonical,
    find_problem,
    read_cell,
    read_uscc_cell,
)

Reader = Callable[[str], Any]
NAME: Final = Column(
    "subject_name", "行政相对人名称", "XK_XDR_MC", 200, required=True, aliases=("企业名称", "名称")
)
CODE: Final = Column(
    "uscc",
    "行政相对人代码_1(统一社会信用代码)",
    "XK_XDR_SHXYM",
    18,
    required=True,
    aliases=("统一社会信用代码", "行政相对人代码_1"),
)
REMARKS: Final = Column("remarks", "备注", "BZ", 512)
ROUND: Final = str.maketrans("〔〕", "（）")
KINDS_OF_LICENCE: Final = ("普通", "特许", "认可", "核准", "登记")


@dataclass(frozen=True)
class EntryRow:
    """A licence or an entry of a list, normalised; `content` is the whole row by its keys."""

    subject_name: str
    uscc: str
    agency_name: str
    agency_uscc: str | None
    number: str
    decided_on: date
    valid_until: date | None
    removed_on: date | None
    content: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 (hex) of the content: equal for rows that say the same."""
        return hashlib.sha256(canonical(dict(self.content))).hexdigest()


@dataclass(frozen=True)
class EntryFormat:
    """A kind of entries: its columns, each with what reads its cells."""

    fields: tuple[tuple[Column, Reader], ...]

    @property
    def layout(self) -> Layout:
        """Return how a file of it is laid out."""
        columns = tuple(column for column, _ in self.fields)
        known = {
            plain_heading(name): one
            for one in columns
            for name in (one.heading, one.code, one.key, *one.aliases)
        }
        return Layout(
            lambda heading: known.get(plain_heading(heading)),
            columns,
            partial(parse_entry, self.fields),
        )


def parse_entry(
    fields: Iterable[tuple[Column, Reader]], line: int, cells: Mapping[str, str], today: date
) -> EntryRow | list[RowProblem]:
    """Return the row, or all its problems in the order of the columns."""
    values: dict[str, Any] = {}
    problems = []
    for column, read in fields:
        cell = cells.get(column.key, "")
        try:
            values[column.key] = read_cell(column, cell, read) if cell or column.required else None
        except CellFlaw as flaw:
            problems.append(find_problem(line, column.heading, flaw.code, column.length))
            continue
        if flaw_code := find_flaw(column.key, values, today):
            problems.append(find_problem(line, column.heading, flaw_code))
    if problems:
        return problems
    number = values.get("number") or values.get("licence_no") or ""
    return EntryRow(
        subject_name=values["subject_name"],
        uscc=values["uscc"],
        agency_name=values["agency_name"],
        agency_uscc=values.get("agency_uscc"),
        number=number,
        decided_on=values["decided_on"],
        valid_until=values.get("valid_until"),
        removed_on=values.get("removed_on"),
        content={key: value for key, value in values.items() if value is not None},
    )


def find_flaw(key: str, values: Mapping[str, Any], today: date) -> str | None:
    """Return what is wrong with a day, given the others and the present day."""
    day, decided = values[key], values.get("decided_on")
    if key in {"decided_on", "removed_on", "filed_on"} and day and day > today:
        return "date_in_future"
    if key in {"removed_on", "valid_until"} and day and decided and day < decided:
        return "before_decision"
    return None


def read_kind_of_licence(cell: str) -> str:
    """Return the kind of a licence. Raises CellFlaw `licence_kind`."""
    kind = read_name(cell)
    if kind not in KINDS_OF_LICENCE and not kind.startswith("其他"):
        raise CellFlaw("licence_kind")
    return kind


def read_case_no(cell: str) -> str:
    """Return the number of a court's case: its brackets are round, as the courts write them."""
    return read_decision_no(cell).translate(ROUND)


def of_list(*more: tuple[Column, Reader], reason: Column) -> EntryFormat:
    """Return the format of a list of a register: put on it, and perhaps taken off again."""
    return EntryFormat(
        (
            (NAME, read_name),
            (CODE, read_uscc_cell),
            *more,
            (reason, read_text),
            (Column("decided_on", "列入日期", "ABNTIME", 32, required=True), read_day),
            (
                Column(
                    "agency_name",
                    "作出决定机关(列入)",
                    "DECORG_CN",
                    200,
                    required=True,
                    aliases=("列入决定机关", "作出决定机关"),
                ),
                read_name,
            ),
            (Column("agency_uscc", "作出决定机关代码", "DECORG_CODE", 18), read_uscc_cell),
            (Column("removal_reason", "移出原因", "REMEXCPRES_CN", 2000), read_text),
            (Column("removed_on", "移出日期", "REMDATE", 32), read_day),
            (
                Column(
                    "removed_by",
                    "作出决定机关(移出)",
                    "REDECORG_CN",
                    200,
                    aliases=("移出机关", "移出决定机关"),
                ),
                read_name,
            ),
            (REMARKS, read_text),
        )
    )


# 失信被执行人: of organisations only; the court is the agency. The register's own columns say
# nothing of the end: when and why one was taken off is read as in the other lists.
DEFAULTERS: Final = EntryFormat(
    (
        (
            Column(
                "subject_name",
                "失信被执行人名称",
                "INAME",
                200,
                required=True,
                aliases=("被执行人名称", "企业名称", "名称", "行政相对人名称"),
            ),
            read_name,
        ),
        (CODE, read_uscc_cell),
        (Column("number", "案号", "CASECODE", 128, required=True), read_case_no),
        (
            Column(
                "agency_name",
                "执行法院",
                "COURTNAME",
                200,
                required=True,
                aliases=("执行法院名称",),
            ),
            read_name,
        ),
        (
            Column("agency_uscc", "执行法院统一社会信用代码", "COURTCODE", 18),
            read_uscc_cell,
        ),
        (Column("area", "地域", "AREANAME", 100, aliases=("省份",)), read_name),
        (Column("basis_no", "执行依据文号", "GISTID", 200), read_text),
        (Column("basis_by", "作出执行依据单位", "GISTUNIT", 200), read_name),
        (
            Column("duty", "义务", "DUTY", 4000, aliases=("生效法律文书确定的义务",)),
            read_text,
        ),
        (
            Column("performance", "履行情况", "PERFORMANCE", 200, aliases=("被执行人的履行情况",)),
            read_text,
        ),
        (
            Column(
                "reason",
                "具体情形",
                "DISRUPTTYPENAME",
                2000,
                required=True,
                aliases=("失信被执行人行为具体情形",),
            ),
            read_text,
        ),
        (
            Column(
                "decided_on", "发布日期", "PUBLISHDATE", 32, required=True, aliases=("发布时间",)
            ),
            read_day,
        ),
        (Column("filed_on", "立案时间", "REGDATE", 32, aliases=("立案日期",)), read_day),
        (Column("performed", "已履行", "PERFORMEDPART", 2000, aliases=("已履行部分",)), read_text),
        (
            Column("unperformed", "未履行", "UNPERFORMPART", 2000, aliases=("未履行部分",)),
            read_text,
        ),
        (Column("removal_reason", "移出原因", "REMEXCPRES_CN", 2000), read_text),
        (Column("removed_on", "移出日期", "REMDATE", 32), read_day),
        (REMARKS, read_text),
    )
)


ENTRY_FORMATS: Final[Mapping[str, EntryFormat]] = {
    # 行政许可; where there is no number of a decision, the licence's own names it.
    "licences": EntryFormat(
        (
            (NAME, read_name),
            (CODE, read_uscc_cell),
            (Column("document", "行政许可决定文书名称", "XK_XKWS", 64), read_name),
            (Column("number", "行政许可决定文书号", "XK_WSH", 64), read_decision_no),
            (Column("kind", "许可类别", "XK_XKLB", 256, required=True), read_kind_of_licence),
            (Column("licence", "许可证书名称", "XK_XKZS", 64), read_name),
            (Column("licence_no", "许可编号", "XK_XKBH", 64), read_decision_no),
            (Column("permitted", "许可内容", "XK_NR", 4000, required=True), read_text),
            (Column("decided_on", "许可决定日期", "XK_JDRQ", 32, required=True), read_day),
            (Column("valid_from", "有效期自", "XK_YXQZ", 32), read_day),
            (Column("valid_until", "有效期至", "XK_YXQZI", 32), read_end),
            (Column("agency_name", "许可机关", "XK_XKJG", 200, required=True), read_name),
            (Column("agency_uscc", "许可机关统一社会信用代码", "XK_XKJGDM", 18), read_uscc_cell),
            (REMARKS, read_text),
        )
    ),
    "abnormal_list": of_list(  # 经营异常名录
        reason=Column("reason", "列入原因", "SPECAUSE_CN", 2000, required=True)
    ),
    "discredit_list": of_list(  # 严重违法失信名单
        (Column("number", "列入文号", "DEDOCNUM", 128), read_decision_no),
        # SPECAUSE_CN is the other list's; files of an earlier release have it here, too.
        reason=Column(
            "reason", "列入原因", "SERILLREA_CN", 2000, required=True, aliases=("SPECAUSE_CN",)
        ),
    ),
    "defaulters": DEFAULTERS,
}


def read_entries(kind: str, source: bytes | BinaryIO, today: date) -> Reading:
    """Open a file of licences or of a list; raises and answers as `read_rows` does."""
    return read_rows(source, today, ENTRY_FORMATS[kind].layout)
