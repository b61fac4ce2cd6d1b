"""The file of measures, brought into its table."""

from pathlib import Path

import pytest
from flask import Flask

from repair_app.engine.spec import SpecError
from repair_app.services import catalogue

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
        (ONE.replace("force", "farce"), "Z01: force is missing"),
        (ONE.replace(', en = "Limited"', ""), "Z01: name: "),
        (ONE.replace('["general"]', "[]"), "Z01: classes: names none"),
        (ONE.replace('"general"', '"genral"'), "Z01: classes: unknown 'genral'"),
        (ONE + "person = true\n", "Z01: unknown key 'person'"),
        (ONE + 'persons = "yes"\n', "Z01: persons: has another kind of value"),
        (ONE + "longest_months = 0\n", "Z01: longest_months: at least one month"),
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
