"""Files of penalties: encodings, workbooks, line numbers, and files that are none."""

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repair_app.penalty_format import (
    COLUMNS,
    FILE_MESSAGES,
    FileProblem,
    PenaltyRow,
    Reading,
    RowProblem,
    read_rows,
)

TODAY = date(2026, 11, 21)
SAMPLE = Path(__file__).parents[1] / "data" / "penalties_424_fictional.csv"
TEXT = SAMPLE.read_text(encoding="utf-8-sig")
TABLE = list(csv.reader(io.StringIO(TEXT, newline="")))
HEADINGS, CELLS = TABLE[0], TABLE[1]
SHEET = "xl/worksheets/sheet1.xml"
WORDS = "xl/sharedStrings.xml"


def place(key: str) -> int:
    return next(number for number, column in enumerate(COLUMNS) if column.key == key)


def changed(**cells: str) -> list[str]:
    """Return the first row of the sample with some cells changed."""
    row = list(CELLS)
    for key, cell in cells.items():
        row[place(key)] = cell
    return row


def as_csv(*rows: list[str], delimiter: str = ",") -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue()


def as_xlsx(rows: list[list[object]], sheet_names: tuple[str, ...] = ("数据",)) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        day = workbook.add_format({"num_format": "yyyy/mm/dd"})
        for name in sheet_names:
            sheet = workbook.add_worksheet(name)
            for line, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, date):
                        sheet.write_datetime(line, column, cell, day)
                    elif isinstance(cell, str):
                        sheet.write_string(line, column, cell)
                    else:
                        sheet.write(line, column, cell)
    return file.getvalue()


def swap_part(content: bytes, name: str, part: bytes) -> bytes:
    """Return a workbook with one of its parts replaced."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for each in old.namelist():
            new.writestr(each, part if each == name else old.read(each))
    return file.getvalue()


def sheet_of(cells: bytes) -> bytes:
    """Return a workbook whose sheet has just these rows of XML."""
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    xml = b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (main, cells)
    return swap_part(as_xlsx([["x"]]), SHEET, xml)


def read(source: bytes | str | Path) -> Reading:
    return read_rows(source.encode() if isinstance(source, str) else source, TODAY)


def problems_of(row: PenaltyRow | list[RowProblem]) -> list[tuple[int, str, str]]:
    assert isinstance(row, list), row
    return [(problem.line, problem.column, problem.code) for problem in row]


def flaw_of(content: bytes | str) -> str:
    with pytest.raises(FileProblem) as caught:
        list(read(content))
    problem = caught.value
    assert problem.code in FILE_MESSAGES
    assert problem.text("zh_Hans") == problem.zh
    assert problem.text("en") == problem.en
    assert "{" not in problem.zh + problem.en
    return problem.code


EXPECTED = list(read(SAMPLE))
VARIANTS: dict[str, Callable[[], bytes]] = {
    "utf-8": TEXT.encode,
    "utf-8 with mark": lambda: TEXT.encode("utf-8-sig"),
    "utf-16 little-endian with mark": lambda: b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "utf-16 big-endian with mark": lambda: b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "utf-16 little-endian": lambda: TEXT.encode("utf-16-le"),
    "utf-16 big-endian": lambda: TEXT.encode("utf-16-be"),
    "gb18030": lambda: TEXT.encode("gb18030"),
    "gb18030 under codes": lambda: as_csv(
        [column.code for column in COLUMNS], *TABLE[1:]
    ).encode("gb18030"),
    "utf-8 under codes": lambda: as_csv([column.code for column in COLUMNS], *TABLE[1:]).encode(),
    "tabs in utf-16": lambda: as_csv(*TABLE, delimiter="\t").encode("utf-16"),
    "semicolons": lambda: as_csv(*TABLE, delimiter=";").encode(),
    "line feeds": lambda: TEXT.replace("\r\n", "\n").encode(),
    "carriage returns": lambda: TEXT.replace("\r\n", "\n").replace("\n", "\r").encode(),
    "other order": lambda: as_csv(*(row[::-1] for row in TABLE)).encode(),
    "xlsx": lambda: as_xlsx([list(row) for row in TABLE]),
}  # fmt: skip


def test_the_sample_is_read_without_a_problem() -> None:
    assert len(EXPECTED) == 240
    assert [line for line, _ in EXPECTED] == list(range(2, 242))
    assert all(isinstance(row, PenaltyRow) for _, row in EXPECTED)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_data_in_any_kind_of_file_are_the_same_rows(variant: str) -> None:
    reading = read(VARIANTS[variant]())
    assert reading.unknown_columns == ()
    assert list(reading) == EXPECTED


def test_a_path_may_be_text(tmp_path: Path) -> None:
    assert list(read_rows(str(SAMPLE), TODAY)) == EXPECTED
    with pytest.raises(FileNotFoundError):
        read_rows(tmp_path / "absent.csv", TODAY)


def test_a_record_of_several_lines_counts_by_its_first() -> None:
    text = as_csv(
        HEADINGS,
        changed(violation_facts="第一行\n第二行\r\n第三行"),
        [],
        [""] * 30,
        changed(uscc="1"),
        changed(remarks="甲\n乙"),
        changed(decided_on="2024-02-30", fine_10k="-1"),
    )
    rows = list(read(text))
    assert [line for line, _ in rows] == [2, 7, 8, 10]
    facts = rows[0][1]
    assert isinstance(facts, PenaltyRow)
    assert facts.violation_facts == "第一行\n第二行\n第三行"
    assert problems_of(rows[3][1]) == [
        (10, "罚款金额(万元)", "amount_negative"),
        (10, "处罚决定日期", "date_impossible"),
    ]


def test_blank_rows_are_skipped_and_counted() -> None:
    blank = ["  ", "\u3000", *[""] * 28]
    assert [line for line, _ in read(as_csv([], HEADINGS, blank, CELLS, blank, CELLS))] == [4, 6]
    sheet = as_xlsx([[], list(HEADINGS), [], list(CELLS), list(blank), list(CELLS), []])
    assert [line for line, _ in read(sheet)] == [4, 6]


def test_columns_nobody_knows_are_named_and_left_aside() -> None:
    text = as_csv([*HEADINGS, "失信严重程度", "", "公示日期"], [*CELLS, "一般", "", "2024/1/3"])
    reading = read(text)
    assert reading.unknown_columns == ("失信严重程度",)
    assert reading.headings[-1] == "公示日期"
    ((_, row),) = reading
    assert isinstance(row, PenaltyRow)
    assert row.publicised_on == date(2024, 1, 3)


def test_older_data_are_read_under_their_own_headings() -> None:
    older = {
        "CF_XDR_MC": CELLS[place("subject_name")],
        "CF_XDR_SHXYM": CELLS[place("uscc")],
        "CF_WSH": "示例罚字[2024]1号",
        "CF_CFMC": "未按规定开展安全培训",
        "CF_SY": "未按规定开展安全培训（虚构）",
        "CF_YJ": "《中华人民共和国安全生产法》",
        "CF_CFLB1": "警告",
        "CF_CFLB2": "罚款",
        "CF_JG": "警告、罚款2万元",
        "CF_JDRQ": "2024/01/02",
        "CF_XZJG": "青岛示例应急管理局",
        "CF_ZT": "0",
        "DFBM": "370200",
        "SJC": "2024/01/03",
    }
    reading = read(as_csv(list(older), list(older.values())))
    assert reading.unknown_columns == ("DFBM", "SJC")
    ((_, row),) = reading
    assert isinstance(row, PenaltyRow)
    assert [str(category) for category in row.categories] == ["warning", "fine"]
    assert row.source_name == row.agency_name == "青岛示例应急管理局"
    assert row.valid_until is None


def test_short_rows_are_filled_and_long_ones_refused() -> None:
    rows = list(read(as_csv(HEADINGS, CELLS[:29], [*CELLS, "", ""], [*CELLS, "多"], CELLS[:3])))
    assert isinstance(rows[0][1], PenaltyRow)
    assert isinstance(rows[1][1], PenaltyRow)
    assert problems_of(rows[2][1]) == [(4, "", "too_many_cells")]
    assert {code for _, _, code in problems_of(rows[3][1])} == {"required"}


def test_an_open_quotation_mark_is_a_problem_of_its_line() -> None:
    text = as_csv(HEADINGS, CELLS) + '"' + as_csv(CELLS)
    rows = list(read(text))
    assert isinstance(rows[0][1], PenaltyRow)
    assert problems_of(rows[1][1]) == [(3, "", "csv_damaged")]


def test_reading_goes_on_after_a_cell_without_end() -> None:
    lines = as_csv(CELLS) * 1000
    rows = list(read(as_csv(HEADINGS) + '"' + lines))
    assert problems_of(rows[0][1]) == [(2, "", "csv_damaged")]
    assert sum(isinstance(row, PenaltyRow) for _, row in rows) > 0
    assert [line for line, _ in rows] == sorted({line for line, _ in rows})


def test_a_broken_byte_is_a_problem_of_its_cell_only() -> None:
    for encoding in ("utf-8", "gb18030"):
        broken = as_csv(CELLS).encode(encoding).replace("朗沃".encode(encoding), b"\xff\xff")
        content = as_csv(HEADINGS, CELLS).encode(encoding) + broken + as_csv(CELLS).encode(encoding)
        rows = list(read(content))
        assert isinstance(rows[0][1], PenaltyRow)
        assert problems_of(rows[1][1]) == [(3, "行政相对人名称", "lost_character")]
        assert isinstance(rows[2][1], PenaltyRow)


def test_nul_and_lone_surrogates_are_problems_of_their_cells() -> None:
    text = as_csv(HEADINGS, changed(remarks="a\x00b"), changed(remarks="\ud83d"), CELLS)
    rows = list(read(b"\xff\xfe" + text.encode("utf-16-le", "surrogatepass")))
    assert problems_of(rows[0][1]) == [(2, "备注", "control_character")]
    assert problems_of(rows[1][1]) == [(3, "备注", "lost_character")]
    assert isinstance(rows[2][1], PenaltyRow)


def test_a_spreadsheet_may_hold_real_days_and_numbers() -> None:
    row: list[object] = list(changed(fine_10k="20.5"))
    row[place("decided_on")] = date(2023, 12, 26)
    row[place("valid_until")] = datetime(2099, 12, 31, 8, 30)  # noqa: DTZ001 (as sheets have it)
    row[place("publish_until")] = 46382  # 2026-12-26 as the number of a day
    row[place("fine_10k")] = 20.5
    row[place("confiscated_10k")] = 0.1 + 0.2
    row[place("remarks")] = 12
    ((_, found),) = read(as_xlsx([list(HEADINGS), row]))
    assert isinstance(found, PenaltyRow)
    assert found.decided_on == date(2023, 12, 26)
    assert found.valid_until == date(2099, 12, 31)
    assert found.publish_until == date(2026, 12, 26)
    assert found.fine_10k == Decimal("20.5")
    assert found.confiscated_10k == Decimal("0.3")
    assert found.remarks == "12"


def test_a_code_that_became_a_number_is_told_so() -> None:
    row: list[object] = list(CELLS)
    row[place("uscc")] = 911370202000000011
    row[place("fine_10k")] = 1e300
    row[place("decided_on")] = 20231226
    ((_, found),) = read(as_xlsx([list(HEADINGS), row]))
    assert {code for _, _, code in problems_of(found)} == {"uscc_number", "too_long"}


def test_sheets_after_the_first_are_named() -> None:
    reading = read(as_xlsx([list(HEADINGS), list(CELLS)], ("数据", "说明")))
    assert reading.unread_sheets == ("说明",)
    assert len(list(reading)) == 1


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\r\n\r\n ,,,\r\n"])
def test_an_empty_file_is_told(content: bytes) -> None:
    assert flaw_of(content) == "empty"


def test_an_empty_workbook_is_told() -> None:
    assert flaw_of(as_xlsx([])) == "empty"


def test_headings_alone_are_a_file_without_rows() -> None:
    assert list(read(as_csv(HEADINGS))) == []


@pytest.mark.parametrize("content", ["甲,乙\n1,2\n", "no headings at all", "\x7f" * 9])
def test_a_file_without_known_headings_is_told(content: str) -> None:
    assert flaw_of(content) == "no_headings"
    assert flaw_of(as_xlsx([["甲", "乙"], ["1", "2"]])) == "no_headings"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 8, "not_a_table"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "not_a_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_excel"),
        (b"PK\x03\x04" + b"junk" * 50, "xlsx_damaged"),
        (b"\xff\xfe" + as_csv(HEADINGS, CELLS).encode("utf-16-le") + b"\x41", "encoding"),
    ],
)
def test_what_is_no_table_is_told(content: bytes, code: str) -> None:
    assert flaw_of(content) == code


@pytest.mark.parametrize("key", [column.key for column in COLUMNS if column.required])
def test_a_missing_column_is_named(key: str) -> None:
    gap = place(key)
    with pytest.raises(FileProblem) as caught:
        read(as_csv(HEADINGS[:gap] + HEADINGS[gap + 1 :], CELLS[:gap] + CELLS[gap + 1 :]))
    assert caught.value.code == "missing_columns"
    assert HEADINGS[gap] in caught.value.zh
    assert HEADINGS[gap] in caught.value.en


@pytest.mark.parametrize("again", ["处罚决定日期", " 处罚决定日期* ", "CF_JDRQ", "decided_on"])
def test_a_column_under_two_headings_is_refused(again: str) -> None:
    with pytest.raises(FileProblem) as caught:
        read(as_csv([*HEADINGS, again], [*CELLS, "2024-01-01"]))
    assert caught.value.code == "repeated_columns"
    assert "处罚决定日期" in caught.value.zh


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", TEXT)
    assert flaw_of(file.getvalue()) == "xlsx_damaged"


def test_a_part_that_swells_is_refused_from_the_directory() -> None:
    bomb = swap_part(as_xlsx([["x"]]), "xl/sharedStrings.xml", b" " * (100 * 2**20))
    tracemalloc.start()
    assert flaw_of(bomb) == "xlsx_bomb"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_a_directory_that_lies_about_a_size_is_found_out() -> None:
    bomb = bytearray(swap_part(as_xlsx([["x"]]), SHEET, b" " * 5_000_000))
    told = (5_000_000).to_bytes(4, "little")
    assert bomb.count(told) == 2
    assert flaw_of(bytes(bomb).replace(told, (1000).to_bytes(4, "little"))) == "xlsx_bomb"


def test_parts_that_share_bytes_are_refused() -> None:
    file = io.BytesIO(as_xlsx([["x"]]))
    with zipfile.ZipFile(file, "a") as archive:
        twin = archive.getinfo(SHEET)
        archive.filelist.append(twin)
        archive._didModify = True  # type: ignore[attr-defined]  # the directory is written anew
    assert flaw_of(file.getvalue()) == "xlsx_bomb"


def test_thousands_of_parts_are_refused() -> None:
    file = io.BytesIO(as_xlsx([["x"]]))
    with zipfile.ZipFile(file, "a") as archive:
        for number in range(1001):
            archive.writestr(f"xl/{number}.xml", "")
    assert flaw_of(file.getvalue()) == "xlsx_bomb"


def test_two_cells_at_the_corners_of_a_sheet_are_no_rectangle_to_fill() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, HEADINGS[0])
        sheet.write(1_048_575, 16_383, "x")
    assert flaw_of(file.getvalue()) == "xlsx_too_wide"


@pytest.mark.parametrize(
    "cells",
    [
        b"<row><c><v>1</v></c></row>",
        b'<row><x:c t="n" r="XFD1048576"><v>1</v></x:c></row>',
        b'<row><c r="&#88;FD1"><v>1</v></c></row>',
        b'<row><c r="xfd1"><v>1</v></c></row>',
        b'<row><c r="A1',
    ],
)
def test_cells_that_hide_their_place_are_refused(cells: bytes) -> None:
    assert flaw_of(sheet_of(cells)) == "xlsx_damaged"


def test_entities_are_not_unfolded() -> None:
    laughs = b"".join(
        b'<!ENTITY l%d "%s">' % (depth, b"&l%d;" % (depth - 1) * 10) for depth in range(1, 10)
    )
    types = b'<!ENTITY l0 "ha"><!ENTITY file SYSTEM "file:///etc/passwd">' + laughs
    cell = b'<row r="1"><c r="A1" t="inlineStr"><is><t>&l9;&file;</t></is></c></row>'
    plain = zipfile.ZipFile(io.BytesIO(sheet_of(cell))).read(SHEET)
    xml = b'<?xml version="1.0"?><!DOCTYPE x [' + types + b"]>" + plain
    assert flaw_of(swap_part(as_xlsx([["x"]]), SHEET, xml)) in {"xlsx_damaged", "no_headings"}


@pytest.mark.parametrize("outside", [True, False])
def test_no_other_file_is_read_for_an_entity(tmp_path: Path, *, outside: bool) -> None:
    """The file holds a good heading: a workbook that could name it would be read to the end."""
    (tmp_path / "heading").write_text(HEADINGS[0], encoding="utf-8")
    says = f'SYSTEM "file://{tmp_path}/heading"' if outside else f'"{HEADINGS[0]}"'
    book = as_xlsx([list(HEADINGS), list(CELLS)])
    words = zipfile.ZipFile(io.BytesIO(book)).read(WORDS).decode()
    assert words.count(f">{HEADINGS[0]}<") == 1
    named = words.replace(f">{HEADINGS[0]}<", ">&heading;<").partition("?>")[2]
    xml = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY heading {says}>]>{named}'
    assert flaw_of(swap_part(book, WORDS, xml.encode())) == "xlsx_damaged"


@given(st.binary(max_size=400), st.sampled_from(["", "PK\x03\x04", *VARIANTS]))
def test_no_bytes_whatever_break_the_reading(junk: bytes, start: str) -> None:
    head = as_csv(HEADINGS).encode() if start in VARIANTS else start.encode()
    with suppress(FileProblem):
        for line, row in read(head + junk):
            assert line > 1
            assert row


WORKBOOK = as_xlsx([list(HEADINGS), list(CELLS)])


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WORKBOOK) - 1), st.integers(0, 255)), max_size=8))
def test_no_damage_to_a_workbook_breaks_the_reading(damage: list[tuple[int, int]]) -> None:
    content = bytearray(WORKBOOK)
    for where, byte in damage:
        content[where] = byte
    with suppress(FileProblem):
        list(read(bytes(content)))


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=50), max_size=40))
def test_no_cells_whatever_break_the_reading(cells: list[str]) -> None:
    text = as_csv(HEADINGS, CELLS, cells, CELLS)
    rows = list(read(text))
    assert isinstance(rows[0][1], PenaltyRow)
    assert isinstance(rows[-1][1], PenaltyRow)
