"""Files that people wrote by hand, as office computers save them."""

from pathlib import Path

import pytest

from repair_app import toml_file

TEXT = 'title = "行政处罚信用修复"\nmonths = 3\n'


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(TEXT.encode("utf-8-sig"))
    assert toml_file.load(path) == {"title": "行政处罚信用修复", "months": 3}


def test_gbk_is_told_with_the_line_and_how_to_save(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"months = 3\n" + 'title = "行政"\n'.encode("gbk"))
    with pytest.raises(ValueError, match="line 2: this is no UTF-8; save the file as UTF-8"):
        toml_file.load(path)


@pytest.mark.parametrize(
    ("wrong", "mend"),
    [
        ("title = “三个月”", 'full-width “: write "'),
        ("lines = [1，2]", "full-width ，: write ,"),
        ("months ＝ 3", "full-width ＝: write ="),
        ("kept = True", "write true or false"),
        ("day = 2019-07-32", "a day of the calendar"),
        ("months 3", "the line is: months 3"),
    ],
)
def test_what_the_writer_may_have_meant_is_said(tmp_path: Path, wrong: str, mend: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f'title = "a，b"\n{wrong}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="at line 2") as refused:
        toml_file.load(path)
    assert mend in str(refused.value)
