"""A row of the national penalty format: what it says, in one form, or everything wrong with it."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, TypeVar

import orjson

from repair_app.penalty_format.cells import (
    BLANK,
    CACHED,
    SHORT,
    CellFlaw,
    read_amount,
    read_day,
    read_decision_no,
    read_end,
    read_line,
    read_name,
    read_text,
    to_half_width,
)
from repair_app.penalty_format.columns import (
    BY_KEY,
    CATEGORY_LABELS,
    CATEGORY_ORDER,
    EITHER_LICENCE_PENALTY,
    OLDER_CATEGORIES,
    Category,
    Column,
)
from repair_app.penalty_format.uscc import InvalidUscc, check_uscc

FINGERPRINT_FORMAT: Final = 1
T = TypeVar("T")

LEGAL_PERSON: Final = "法人及非法人组织"
SOLE_TRADER: Final = "个体工商户"
KINDS: Final = {
    LEGAL_PERSON: LEGAL_PERSON,
    "法人和非法人组织": LEGAL_PERSON,
    "法人及其他组织": LEGAL_PERSON,
    "法人": LEGAL_PERSON,
    "非法人组织": LEGAL_PERSON,
    SOLE_TRADER: SOLE_TRADER,
    "个体": SOLE_TRADER,
}
NATURAL_PERSONS: Final = frozenset(("自然人", "个人"))
IN_FORCE: Final = frozenset(("0", "正常"))

OFTEN_THE_SAME: Final = frozenset(
    (
        "subject_kind",
        "violation_type",
        "legal_basis",
        "categories",
        "content",
        "fine_10k",
        "confiscated_10k",
        "decided_on",
        "valid_until",
        "publish_until",
        "publicised_on",
        "agency_name",
        "agency_uscc",
        "source_name",
        "source_uscc",
    )
)
"""Columns whose cells are repeated from row to row."""

MESSAGES: Final[dict[str, tuple[str, str]]] = {
    "required": ("此项必填", "this must be filled in"),
    "too_long": ("超过 {limit} 个字符", "longer than {limit} characters"),
    "lost_character": (
        "含有无法识别的字符，文件编码可能有误",
        "holds a character that was lost: the encoding of the file may be wrong",
    ),
    "control_character": (
        "含有控制字符或改变文字方向的字符",
        "holds a control character or one that turns the direction of writing",
    ),
    "natural_person": (
        "自然人的处罚信息不收录、不公示",
        "penalties of natural persons are neither kept nor published",
    ),
    "subject_kind": (
        "应为“法人及非法人组织”或“个体工商户”",
        "must be 法人及非法人组织 (organisation) or 个体工商户 (sole trader)",
    ),
    "status": (
        "该处罚已撤销或状态异常，不能作为有效信息导入",
        "the penalty is revoked or otherwise not in force, so it is not imported",
    ),
    "uscc_number": (
        "代码已被表格软件变成数字，请将该列设为文本后重新填写",
        "a spreadsheet made a number of the code: format the column as text and enter it again",
    ),
    "uscc_length": ("统一社会信用代码应为 18 位", "a unified social credit code has 18 characters"),
    "uscc_character": (
        "统一社会信用代码只含数字和大写字母，且不含 I、O、S、V、Z",
        "a unified social credit code has digits and capitals only, none of them I, O, S, V or Z",
    ),
    "uscc_layout": (
        "统一社会信用代码第 3 至 8 位应为数字",
        "characters 3 to 8 of a unified social credit code are digits",
    ),
    "uscc_placeholder": ("占位代码，不是真实代码", "a placeholder, not a code"),
    "uscc_check": (
        "统一社会信用代码校验位不符，请核对",
        "the check character of the unified social credit code is wrong: look for a slip",
    ),
    "date_format": (
        "日期应写作 2024/01/02、2024-01-02、2024年1月2日或 20240102",
        "write a date as 2024/01/02, 2024-01-02, 2024年1月2日 or 20240102",
    ),
    "date_impossible": ("没有这一天", "there is no such day"),
    "date_too_early": ("早于 1949 年 10 月 1 日", "before 1 October 1949"),
    "date_in_future": ("晚于今天", "later than today"),
    "before_decision": ("早于处罚决定日期", "earlier than the date of decision"),
    "amount_format": ("应为数字，单位为万元", "must be a number, in units of 10,000 yuan"),
    "amount_unit": (
        "单位应为万元，请换算后填写",
        "the unit is 10,000 yuan: convert the amount",
    ),
    "amount_negative": ("金额不能为负数", "an amount cannot be negative"),
    "amount_too_large": ("整数部分超过 12 位", "more than 12 digits before the decimal point"),
    "amount_places": ("小数超过 6 位", "more than 6 decimal places"),
    "category_unknown": (
        "含有不属于《行政处罚法》第九条的种类；其他处罚请写作“其他-说明”",
        "names a kind of penalty not in article 9 of the Penalty Law; write others as 其他-what",
    ),
    "category_ambiguous": (
        "请写明是“暂扣许可证件”还是“吊销许可证件”",
        "say whether the licence was suspended (暂扣许可证件) or revoked (吊销许可证件)",
    ),
    "too_many_cells": (
        "单元格多于表头列数，可能有未加引号的分隔符",
        "more cells than headings: a separator may stand outside quotation marks",
    ),
    "action_unknown": (
        "应为更正、撤下或撤销",
        "must be 更正 (correct), 撤下 (take down) or 撤销 (annul)",
    ),
    "annulled_unknown": (
        "应为撤销、变更或确认违法",
        "must be 撤销 (annulled), 变更 (changed) or 确认违法 (found unlawful)",
    ),
    "names_no_record": (
        "请填写记录编号，或者决定书文号和统一社会信用代码",
        "name the record: by its reference, or by the decision's number and the enterprise's code",
    ),
    "licence_kind": (
        "应为普通、特许、认可、核准、登记或“其他-说明”",
        "must be 普通, 特许, 认可, 核准, 登记 or 其他-what",
    ),
    "named_twice": (
        "同一项用两个名称填写了两次",
        "one column is given twice, under two names",
    ),
    "csv_damaged": (
        "引号不配对或单元格过长，无法从这一行读出记录",
        "no record can be read from this line: an unpaired quotation mark, or a cell too long",
    ),
}
"""What each code of a row's problem says, in Chinese and English."""


@dataclass(frozen=True)
class RowProblem:
    """One thing wrong with one row. No cell's content is repeated: it may be personal.

    `line` is the row of the sheet or the first line of the record, `column` the national heading
    (empty when the row as a whole is meant), `code` a key of `MESSAGES`.
    """

    line: int
    column: str
    code: str
    message_zh: str
    message_en: str

    def text(self, lang: str) -> str:
        """Return the message in Chinese for `zh` and its variants, else in English."""
        return self.message_zh if lang.lower().startswith("zh") else self.message_en


def find_problem(line: int, column: str, code: str, limit: int = 0) -> RowProblem:
    """Return a problem with its words; `limit` is the greatest length, for `too_long`."""
    zh, en = (message.replace("{limit}", str(limit)) for message in MESSAGES[code])
    return RowProblem(line, column, code, zh, en)


@dataclass(frozen=True, slots=True)
class PenaltyRow:
    """A penalty of an organisation, normalised. Amounts are in 10,000 yuan; None is a blank cell.

    `valid_until` 2099-12-31 means no end. `legal_representative` is personal: never publish it.
    `source_name` is the agency's where the file leaves it blank.
    """

    subject_name: str
    subject_kind: str | None
    uscc: str
    legal_representative: str | None
    decision_no: str
    violation_type: str
    violation_facts: str
    legal_basis: str
    categories: tuple[Category, ...]
    other_penalty: str | None
    content: str
    fine_10k: Decimal | None
    confiscated_10k: Decimal | None
    licence_seized: str | None
    decided_on: date
    valid_until: date | None
    publish_until: date | None
    publicised_on: date | None
    conduct_ended_on: date | None
    agency_name: str
    agency_uscc: str | None
    source_name: str
    source_uscc: str | None
    remarks: str | None

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what names the penalty: agency (code, or name), document number, subject."""
        return self.agency_uscc or self.agency_name, self.decision_no, self.uscc

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 (hex) of the content: equal for rows that say the same."""
        content = dict(zip(FIELDS, READ_FIELDS(self), strict=True), format=FINGERPRINT_FORMAT)
        return hashlib.sha256(canonical(content)).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them: days in ISO 8601, amounts as decimal text."""
        return {name: _as_json(getattr(self, name)) for name in FIELDS}


FIELDS: Final = tuple(field.name for field in fields(PenaltyRow))
READ_FIELDS: Final = attrgetter(*FIELDS)


def _as_json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return [str(one) for one in value] if isinstance(value, tuple) else value


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return content as canonical JSON (RFC 8785): days and amounts are texts, no numbers else."""
    return orjson.dumps(content, default=_as_json, option=orjson.OPT_SORT_KEYS)


def parse_row(line: int, cells: Mapping[str, str], today: date) -> PenaltyRow | list[RowProblem]:
    """Return the row, or all its problems in the order of the columns.

    `cells` holds text by the key of its column (`columns.BY_KEY`); absent is blank. `today` is the
    day that no decision can be later than. Nothing is raised, whatever the cells hold. Of a natural
    person's row nothing but that is said.
    """
    reading = _Reading(line, cells, today)
    row = reading.read()
    if any(problem.code == "natural_person" for problem in reading.problems):
        return [one for one in reading.problems if one.code == "natural_person"][:1]
    return row if row and not reading.problems else reading.in_order()


class _Reading:
    """The reading of one row: each method reads a cell and notes what is wrong with it."""

    def __init__(self, line: int, cells: Mapping[str, str], today: date) -> None:
        self.line = line
        self.cells = cells
        self.today = today
        self.problems: list[RowProblem] = []

    def note(self, key: str, code: str) -> None:
        column = BY_KEY[key]
        self.problems.append(find_problem(self.line, column.heading, code, column.length))

    def in_order(self) -> list[RowProblem]:
        return sorted(self.problems, key=lambda problem: PLACES[problem.column])

    def get(self, key: str, read: Callable[[str], T | None]) -> T | None:
        """Return what `read` makes of a cell: None, and a note, when it is flawed or missing."""
        column = BY_KEY[key]
        cell = self.cells.get(key)
        if not cell and not column.required:
            return None
        try:
            if key in OFTEN_THE_SAME and cell and len(cell) <= SHORT:
                return read_again(key, cell, read)
            return read_cell(column, cell or "", read)
        except CellFlaw as flaw:
            self.note(key, flaw.code)
            return None

    def read(self) -> PenaltyRow | None:
        """Return the row; with problems noted, it may be absent and must not be used."""
        kind = self.get_kind()
        self.check_status()
        content = self.get("content", read_text)
        categories, other = self.get_categories(content)
        decided_on = self.get_past("decided_on")
        agency_name = self.get("agency_name", read_name)
        agency_uscc = self.get("agency_uscc", read_uscc_cell)
        values: dict[str, Any] = {
            "subject_name": self.get("subject_name", read_name),
            "subject_kind": kind,
            "uscc": self.get("uscc", read_uscc_cell),
            "legal_representative": self.get("legal_representative", read_line),
            "decision_no": self.get("decision_no", read_decision_no),
            "violation_type": self.get("violation_type", read_text),
            "violation_facts": self.get("violation_facts", read_text),
            "legal_basis": self.get("legal_basis", read_text),
            "categories": categories,
            "other_penalty": other,
            "content": content,
            "fine_10k": self.get("fine_10k", read_amount),
            "confiscated_10k": self.get("confiscated_10k", read_amount),
            "licence_seized": self.get("licence_seized", read_line),
            "decided_on": decided_on,
            "valid_until": self.get_end("valid_until", decided_on),
            "publish_until": self.get_end("publish_until", decided_on),
            "publicised_on": self.get_publicised(decided_on),
            "conduct_ended_on": self.get_past("conduct_ended_on"),
            "agency_name": agency_name,
            "agency_uscc": agency_uscc,
            "source_name": self.get("source_name", read_name) or agency_name,
            "source_uscc": self.get("source_uscc", read_uscc_cell),
            "remarks": self.get("remarks", read_text),
        }
        return None if self.problems else PenaltyRow(**values)

    def get_kind(self) -> str | None:
        kind = self.get("subject_kind", read_name)
        if kind in NATURAL_PERSONS:
            self.note("subject_kind", "natural_person")
        elif kind and kind not in KINDS:
            self.note("subject_kind", "subject_kind")
        return KINDS.get(kind) if kind else None

    def check_status(self) -> None:
        """Note a penalty that older data marks as revoked, contested or otherwise not in force."""
        status = self.get("status", read_name)
        if status and status not in IN_FORCE:
            self.note("status", "status")

    def get_past(self, key: str) -> date | None:
        day = self.get(key, read_day)
        if day and day > self.today:
            self.note(key, "date_in_future")
        return day

    def get_publicised(self, decided_on: date | None) -> date | None:
        day = self.get_past("publicised_on")
        if day and decided_on and day < decided_on:
            self.note("publicised_on", "before_decision")
        return day

    def get_end(self, key: str, decided_on: date | None) -> date | None:
        day = self.get(key, read_end)
        if day and decided_on and day < decided_on:
            self.note(key, "before_decision")
        return day

    def get_categories(self, content: str | None) -> tuple[tuple[Category, ...], str | None]:
        """Return the categories in the order of the law, and the words after 其他."""
        found: set[Category] = set()
        notes: list[str] = []
        clue = f"{content or ''} {self.cells.get('licence_seized', '')}"
        for key in ("categories", "categories_2"):
            text = self.get(key, read_text)
            if not text:
                continue
            licence = find_licence_penalties(clue) if "吊销" in text else NO_CATEGORIES
            try:
                more, note = read_categories(text, licence)
            except CellFlaw as flaw:
                self.note(key, flaw.code)
                continue
            found |= more
            notes += [note] if note else []
        ordered = sorted(found, key=CATEGORY_ORDER.__getitem__)
        return tuple(ordered), "；".join(notes) or None


def read_cell(column: Column, cell: str, read: Callable[[str], T | None]) -> T | None:
    """Return what `read` makes of a column's cell, None for a blank.

    Raises CellFlaw: `required`, `too_long`, or what `read` raises.
    """
    if len(cell) > column.length + SHORT:
        cell = cell.strip()
        if len(cell) > column.length + SHORT:
            raise CellFlaw("too_long")
    value = read(cell)
    if value is None or value in BLANK:
        if column.required:
            raise CellFlaw("required")
        return None
    if isinstance(value, str) and len(value) > column.length:
        raise CellFlaw("too_long")
    return value


@lru_cache(CACHED)
def read_again(key: str, cell: str, read: Callable[[str], T | None]) -> T | None:
    """Return what `read_cell` does, of cells that a file has over and over."""
    return read_cell(BY_KEY[key], cell, read)


PLACES: Final = {column.heading: place for place, column in enumerate(BY_KEY.values())}
"""Where a problem's column stands in the format."""


def read_uscc_cell(cell: str) -> str | None:
    """Return a code, None for a blank. Raises CellFlaw with the reason's code."""
    try:
        return check_uscc(cell)
    except InvalidUscc as error:
        if read_line(cell).strip() in BLANK:
            return None
        raise CellFlaw(error.code) from None


BETWEEN_CATEGORIES: Final = re.compile(r"[;；,，、/|+＋。\n ]+")
NO_CATEGORIES: Final[frozenset[Category]] = frozenset()
EITHER: Final = re.compile("暂扣(?:或者|或|、|和|及)吊销")
OTHER: Final = re.compile(r"其他(?:处罚|行政处罚)?[-—–－:：（(]*(.*?)[）)]?", re.DOTALL)
CATEGORY_WORDS: Final[dict[str, Category]] = {
    **OLDER_CATEGORIES,
    **{zh: category for category, (zh, _) in CATEGORY_LABELS.items()},
    **{str(category): category for category in Category},
}


@lru_cache(CACHED)
def read_categories(
    text: str, licence: frozenset[Category]
) -> tuple[frozenset[Category], str | None]:
    """Return the categories that a cell names, and the words that explain 其他 (other), if any.

    Takes the words of the law and of the older column, one or several in whatever separators.
    `licence` is what 暂扣或者吊销 (suspended or revoked) means in this row. Raises CellFlaw for
    `category_unknown` and `category_ambiguous`.
    """
    found: set[Category] = set()
    note: list[str] = []
    for part in _split_categories(text):
        if category := CATEGORY_WORDS.get(part):
            found.add(category)
        elif part in EITHER_LICENCE_PENALTY:
            if not licence:
                raise CellFlaw("category_ambiguous")
            found |= licence
        elif other := OTHER.fullmatch(part):
            found.add(Category.OTHER)
            note.append(other[1])
        elif note:  # the explanation itself holds a separator
            note.append(part)
        else:
            raise CellFlaw("category_unknown")
    if not found:
        raise CellFlaw("category_unknown")
    return frozenset(found), "；".join(filter(None, note)) or None


def _split_categories(text: str) -> list[str]:
    text = EITHER.sub("暂扣或吊销", to_half_width(text)).replace("许可证、执照", "许可证件")
    return [part for part in BETWEEN_CATEGORIES.split(text) if part]


def find_licence_penalties(content: str) -> frozenset[Category]:
    """Return which of suspension and revocation of a licence a penalty's content speaks of."""
    words = EITHER.sub("", content)
    return frozenset(
        category
        for word, category in (
            ("暂扣", Category.LICENCE_SUSPENSION),
            ("吊销", Category.LICENCE_REVOCATION),
        )
        if word in words
    )
