"""Reads a catalogue of measures strictly: what is wrong is told with its line and how to mend it.

The format is that of workflows/measures.toml, whose head explains it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

from repair_app import toml_file
from repair_app.engine.rules.tables import suggest
from repair_app.engine.spec import SpecError
from repair_app.labels import Label
from repair_app.services.policy import current_policy

KEYS: Final = {  # key -> the kind of its value, in TOML and in words
    "code": (str, Label("文本", "a text")),
    "name": (dict, Label('{zh = "…", en = "…"}', '{zh = "…", en = "…"}')),
    "kind": (str, Label("文本", "a text")),
    "force": (str, Label("文本", "a text")),
    "basis": (str, Label("文本", "a text")),
    "classes": (list, Label('文本列表，如["serious"]', 'a list of texts, ["serious"]')),
}
MORE: Final = {
    "persons": (bool, Label("true 或 false", "true or false")),
    "longest_months": (int, Label("整数", "a whole number")),
    "withdrawn_on": (
        date,
        Label("日期，如 2026-12-31（不加引号）", "a day, 2026-12-31 without quotation marks"),
    ),
}
KINDS: Final = ("administrative", "market", "industry")
FORCES: Final = ("mandatory", "recommended")
CODE: Final = re.compile("[A-Z][0-9]{2,4}")
LONGEST_NAME: Final = 200
MOST_MONTHS: Final = 1200
HEADING: Final = re.compile(r"\s*\[\[\s*measures\s*\]\]")
NO_TEXT: Final = "文件不是UTF-8编码的文本，请另存为UTF-8编码后再上传。"


class CatalogueProblem(SpecError):
    """A catalogue that cannot be used; says file, line, measure and key, as far as it is theirs."""

    def __init__(self, place: str, line: int | None, told: Label) -> None:
        super().__init__(f"{place}: {f'line {line}: ' if line else ''}{told.en}")
        self.line = line
        self.told = told

    def text(self, lang: str) -> str:
        """Return what is wrong and how to mend it, in Chinese or English, without the file."""
        told = self.told.text(lang)
        if self.line is None:
            return told
        return Label(f"第{self.line}行：{told}", f"line {self.line}: {told}").text(lang)


@dataclass(frozen=True)
class Measure:
    """A measure as a catalogue describes it."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    force: str
    basis: str
    classes: list[str]
    reaches_persons: bool = False
    longest_months: int | None = None
    withdrawn_on: date | None = None


def read_file(path: Path) -> list[Measure]:
    """Return the measures of a file. Raises CatalogueProblem, OSError where there is none."""
    return Reader(path.name, decode(path.read_bytes(), path.name)).read()


def read_text(text: str) -> list[Measure]:
    """Return the measures of a text that was typed. Raises CatalogueProblem."""
    return Reader("measures", text).read()


def decode(content: bytes, place: str = "measures") -> str:
    """Return the text of a file. Raises CatalogueProblem."""
    try:
        return toml_file.decode(content)
    except ValueError as error:
        raise CatalogueProblem(place, None, Label(NO_TEXT, str(error))) from error


class Reader:
    """One catalogue that is read; `place` is what its complaints begin with."""

    def __init__(self, place: str, text: str) -> None:
        self.place = place
        self.text = text

    def read(self) -> list[Measure]:
        """Return the measures, each whole. Raises CatalogueProblem."""
        found: dict[str, Measure] = {}
        for number, row in enumerate(self.tables()):
            for key, zh, en in complaints_of(row):
                code = row.get("code", "")
                told = Label(f"{code} {key}：{zh}。".lstrip(), f"{code}: {key}: {en}")
                raise CatalogueProblem(self.place, self.line_of(number, key), told)
            if row["code"] in found:
                told = Label(f"{row['code']}重复出现。", f"{row['code']} is there twice")
                raise CatalogueProblem(self.place, self.line_of(number, "code"), told)
            found[row["code"]] = measure_of(row)
        return list(found.values())

    def tables(self) -> list[Mapping[str, Any]]:
        """Return the tables of the measures. Raises CatalogueProblem."""
        try:
            raw = toml_file.parse(self.text)
        except (ValueError, RecursionError) as error:
            found = toml_file.LINE.search(str(error))
            zh = "不符合TOML格式，请核对引号、等号、逗号和括号是否成对、是否为半角符号。"
            told = Label(zh, str(error))
            raise CatalogueProblem(self.place, int(found[1]) if found else None, told) from error
        rows = raw.get("measures")
        if set(raw) != {"measures"} or not isinstance(rows, list) or not holds_only(rows, dict):
            told = Label(
                "只能包含以[[measures]]开头的措施，不能有其他内容。",
                "holds a list of tables [[measures]], and nothing else",
            )
            raise CatalogueProblem(self.place, None, told)
        return rows

    def line_of(self, number: int, key: str) -> int | None:
        """Return the line of a key of a measure, or else of its heading; None if it has none."""
        lines = self.text.split("\n")  # as a TOML file counts them
        heads = [at for at, line in enumerate(lines) if HEADING.match(line)]
        if number >= len(heads):
            return None
        start, end = heads[number], [*heads, len(lines)][number + 1]
        begins = re.compile(rf"\s*{re.escape(key)}\s*=")
        found = (at for at in range(start, end) if begins.match(lines[at]))
        return next(found, start) + 1


Complaint = tuple[str, str, str]  # the key, what is wrong in Chinese and in English


def complaints_of(row: Mapping[str, Any]) -> Iterator[Complaint]:
    """Yield what is wrong with a measure; only the first can be relied on."""
    for key in KEYS:
        if key not in row:
            yield key, "缺少此项", "is missing"
    known = {**KEYS, **MORE}
    for key in sorted(set(row) - set(known)):
        yield key, f"不认识此项；可用：{'、'.join(known)}", f"unknown key{suggest(key, known)}"
    for key, (kind, words) in known.items():
        if key in row and type(row[key]) is not kind:
            en = f"has another kind of value; write {words.en}"
            yield key, f"值的类型不对，应为{words.zh}", en
    if not CODE.fullmatch(row["code"]):
        zh, en = "应为一个大写字母加2至4位数字，如A01", "write a capital and 2 to 4 digits, as A01"
        yield "code", zh, en
    yield from complaints_of_name(row["name"])
    for key, values in (("kind", KINDS), ("force", FORCES)):
        yield from unknown_words(key, [row[key]], values)
    if not 1 <= row.get("longest_months", 1) <= MOST_MONTHS:
        yield "longest_months", f"应为1至{MOST_MONTHS}个月", f"write 1 to {MOST_MONTHS} months"
    yield from complaints_of_ground(row)


def complaints_of_name(name: Mapping[str, Any]) -> Iterator[Complaint]:
    """Yield what is wrong with a name: it has both languages and is of one line's length."""
    try:
        label = Label.of(name)
    except ValueError as error:
        yield "name", '应写作{zh = "…", en = "…"}，两种文字均不得为空', str(error)
        return
    for text in (label.zh, label.en):
        if len(text) > LONGEST_NAME or not text.isprintable():
            zh = f"应为一行文字，不得超过{LONGEST_NAME}个字符"
            yield "name", zh, f"write one line of no more than {LONGEST_NAME} characters"


def complaints_of_ground(row: Mapping[str, Any]) -> Iterator[Complaint]:
    """Yield what is wrong with what a measure rests on: classes of record, and a clause."""
    known = sorted({name for pack in current_policy().packs.values() for name in pack.classes})
    if not row["classes"]:
        zh, en = f"至少写明一类，可用：{'、'.join(known)}", f"names none{suggest('', known)}"
        yield "classes", zh, en
    yield from unknown_words("classes", row["classes"], known)
    try:
        current_policy().cite(row["basis"])
    except KeyError:
        zh = f"“{row['basis']}”不是已收录文件的条款；应写作“文件代号 条款”，如 SD-DRC-35 四（十三）"
        en = f"{row['basis']!r} is no clause; write a document of documents.toml and its clause"
        yield "basis", zh, en


def unknown_words(key: str, words: Iterable[object], known: Sequence[str]) -> Iterator[Complaint]:
    """Yield the words that are none of those known."""
    for word in words:
        if word not in known:
            zh = f"不认识“{word}”；可用：{'、'.join(known)}"
            yield key, zh, f"unknown {word!r}{suggest(word, known)}"


def holds_only(values: Iterable[object], kind: type) -> bool:
    """Say whether all values are of a kind."""
    return all(isinstance(one, kind) for one in values)


def measure_of(row: Mapping[str, Any]) -> Measure:
    """Return the measure of a table that has been checked."""
    name = Label.of(row["name"])
    return Measure(
        code=row["code"],
        name_zh=name.zh,
        name_en=name.en,
        kind=row["kind"],
        force=row["force"],
        basis=row["basis"],
        classes=row["classes"],
        reaches_persons=row.get("persons", False),
        longest_months=row.get("longest_months"),
        withdrawn_on=row.get("withdrawn_on"),
    )


def write_text(measures: Iterable[Measure]) -> str:
    """Return a catalogue in the format that is read here."""
    return "\n".join(map(write_measure, measures))


def write_measure(one: Measure) -> str:
    """Return a measure in the format that is read here."""
    quoted = partial(json.dumps, ensure_ascii=False)  # a text of JSON is one of TOML
    lines = [
        "[[measures]]",
        f"code    = {quoted(one.code)}",
        f"name    = {{zh = {quoted(one.name_zh)}, en = {quoted(one.name_en)}}}",
        f"kind    = {quoted(one.kind)}",
        f"force   = {quoted(one.force)}",
        f"basis   = {quoted(one.basis)}",
        f"classes = {quoted(one.classes)}",
        "persons = true" if one.reaches_persons else "",
        f"longest_months = {one.longest_months}" if one.longest_months else "",
        f"withdrawn_on = {one.withdrawn_on}" if one.withdrawn_on else "",
    ]
    return "".join(f"{line}\n" for line in lines if line)
