"""The file of verdicts that answers an import."""

import csv
from pathlib import Path

import pytest

from repair_app.penalty_format import write_verdicts


def read_back(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_every_verdict_is_a_row_under_the_headings(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    verdicts = [
        (2, "accepted", "", "", ""),
        (3, "refused", "处罚决定日期", "date_impossible", "没有这一天"),
        (4, "refused", "备注", "too_long", 'with "quotes", commas\nand lines'),
    ]
    assert write_verdicts(path, verdicts) == 3
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_back(path) == [
        ["line", "verdict", "column", "code", "message"],
        ["2", "accepted", "", "", ""],
        ["3", "refused", "处罚决定日期", "date_impossible", "没有这一天"],
        ["4", "refused", "备注", "too_long", 'with "quotes", commas\nand lines'],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_is_taken_for_a_formula(tmp_path: Path, start: str) -> None:
    path = tmp_path / "verdicts.csv"
    cell = f'{start}HYPERLINK("https://example.test";"x")'
    write_verdicts(path, [(2, cell, cell, cell, cell)])
    assert read_back(path)[1] == ["2", *[f"'{cell}"] * 4]


def test_half_a_character_does_not_break_the_file(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    write_verdicts(path, [(2, "refused", "", "lost_character", "\ud800")])
    assert read_back(path)[1][4] == "\\ud800"


def test_no_verdicts_make_a_file_of_headings(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    assert write_verdicts(str(path), iter(())) == 0
    assert len(read_back(path)) == 1
