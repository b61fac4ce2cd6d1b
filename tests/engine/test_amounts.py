"""Amounts that people type: whether a text names one, and whether a unit was mistaken."""

import pytest

from repair_app.engine.fields import is_far_off, names_amount


@pytest.mark.parametrize(
    ("text", "amount", "named"),
    [
        ("罚款人民币2万元", "2", True),
        ("罚款20000元", "2", True),
        ("罚款20,000元", "2", True),
        ("罚款1.5万元，没收0.5万元", "0.5", True),
        ("罚款2元", "2", False),
        ("罚款20万元", "2", False),
        ("警告", "2", False),
        ("罚款2万元", "", False),
        ("罚款2万元", None, False),
    ],
)
def test_a_text_names_an_amount_in_yuan_or_in_ten_thousands(
    text: str, amount: str | None, *, named: bool
) -> None:
    assert names_amount(text, amount) is named


@pytest.mark.parametrize(
    ("before", "after", "far"),
    [("2", "20000", True), ("20000", "2", True), ("2", "1.5", False), ("", "20000", False)],
)
def test_a_factor_of_ten_thousand_is_a_mistaken_unit(before: str, after: str, *, far: bool) -> None:
    assert is_far_off(before, after) is far
