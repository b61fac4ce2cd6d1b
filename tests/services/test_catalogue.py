"""The file of measures: read strictly, and brought into its table."""

from pathlib import Path

import pytest
from flask import Flask

from repair_app.engine.spec import SpecError
from repair_app.services import catalogue
from repair_app.services.catalogue_file import CatalogueProblem, read_file, read_text, write_text

ONE = """
[[measures]]
code = "Z01"
name = {zh = "限制", en = "Limited"}
kind = "administrative"
force = "mandatory"
basis = "SD-DRC-35 四（十三）"
classes = ["general"]
"""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ONE + ONE, "Z01 is there twice"),
        (ONE.replace("SD-DRC-35", "SD-DRC-53"), "Z01: basis: 'SD-DRC-53 四（十三）' is no clause"),
        (ONE.replace(" 四（十三）", ""), "Z01: basis: 'SD-DRC-35' is no clause"),
        (ONE.replace("administrative", "other"), "Z01: kind: unknown"),
        (ONE.replace("force", "farce"), "Z01: force: is missing"),
        (ONE.replace(', en = "Limited"', ""), "Z01: name: "),
        (ONE.replace('["general"]', "[]"), "Z01: classes: names none"),
        (ONE.replace('"general"', '"genral"'), "Z01: classes: unknown 'genral'"),
        (ONE + "person = true\n", "Z01: person: unknown key; did you mean 'persons'?"),
        (ONE + 'persons = "yes"\n', "Z01: persons: has another kind of value"),
        (ONE + "longest_months = 0\n", "Z01: longest_months: write 1 to 1200 months"),
        (ONE + "longest_months = 99999999999\n", "Z01: longest_months: write 1 to 1200 months"),
        (ONE.replace('"Z01"', "1"), "1: code: has another kind of value"),
        (ONE.replace("Z01", "z1"), "z1: code: write a capital"),
        (ONE.replace('["general"]', "[[1]]"), "Z01: classes: unknown [1]"),
        (ONE.replace("限制", "限制\\u0000"), "Z01: name: write one line"),
        ('measures = ["Z01"]', "holds a list of tables [[measures]]"),
        ("[" * 100_000, ""),
        (ONE + 'withdrawn_on = "2026-12-31"\n', "Z01: withdrawn_on: has another kind of value"),
    ],
)
def test_a_measure_that_is_not_whole_is_refused_by_file_and_code(
    app: Flask, tmp_path: Path, digest, text: str, complaint: str
) -> None:
    path = tmp_path / "measures.toml"
    path.write_text(text, "utf-8")
    before = digest()
    with pytest.raises(SpecError, match=r"^measures\.toml: ") as refusal:
        catalogue.load_measures(path)
    assert complaint in str(refusal.value)
    assert digest() == before


def test_a_measure_is_added_and_renamed(app: Flask, tmp_path: Path, digest) -> None:
    path = tmp_path / "measures.toml"
    before = digest()
    path.write_text(ONE, "utf-8")
    catalogue.load_measures(path)
    added = digest()
    assert added != before
    catalogue.load_measures(path)
    assert digest() == added
    path.write_text(ONE.replace("限制", "限制投标"), "utf-8")
    catalogue.load_measures(path)
    assert digest() != added


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (ONE.replace("administrative", "other"), 5),
        (ONE + "# a remark\n" + ONE, 12),
        (ONE + ONE.replace("Z01", "Z02").replace("basis", "bases"), 10),
        (ONE.replace('code = "Z01"', "code = “Z01”"), 3),
    ],
    ids=["value", "twice", "missing", "no TOML"],
)
def test_a_mistake_is_told_with_its_line_in_both_languages(
    app: Flask, text: str, line: int
) -> None:
    with pytest.raises(CatalogueProblem) as refusal:
        read_text(text)
    assert refusal.value.text("en").startswith(f"line {line}: ")
    assert refusal.value.text("zh").startswith(f"第{line}行：")


def test_what_is_written_is_read_as_the_same(app: Flask) -> None:
    """So that a catalogue can be taken out, changed and sent back."""
    measures = read_file(app.config["WORKFLOWS"] / "measures.toml")
    more = read_text(
        ONE.replace("Limited", 'Limited \\"so\\" \\\\')
        + "persons = true\nlongest_months = 36\nwithdrawn_on = 2026-12-31\n"
    )
    assert len(measures) > 20
    assert read_text(write_text([*measures, *more])) == [*measures, *more]
