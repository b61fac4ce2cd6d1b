"""Labels speak Chinese to Chinese readers and English to all others."""

import pytest

from repair_app.labels import Label

LABEL = Label("异议", "Objection")


@pytest.mark.parametrize("lang", ["zh", "zh_Hans_CN", "zh-CN", "ZH"])
def test_any_chinese_language_tag_gets_the_chinese_text(lang: str) -> None:
    assert LABEL.text(lang) == "异议"


@pytest.mark.parametrize("lang", ["en", "en_GB", "de", ""])
def test_every_other_language_tag_gets_the_english_text(lang: str) -> None:
    assert LABEL.text(lang) == "Objection"


def test_a_label_is_read_from_a_table_with_both_languages() -> None:
    assert Label.of({"zh": "异议", "en": "Objection"}) == LABEL


@pytest.mark.parametrize(
    "table",
    [
        "异议",
        None,
        ["异议", "Objection"],
        {},
        {"zh": "异议"},
        {"en": "Objection"},
        {"zh": "异议", "en": ""},
        {"zh": "  ", "en": "Objection"},
        {"zh": "异议", "en": 7},
        {"zh": "异议", "en": "Objection", "fr": "Objection"},
        {"zh": "异议", "en": "Objection", 1: "x"},
    ],
)
def test_anything_but_two_texts_is_refused(table: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        Label.of(table)


def test_a_label_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        LABEL.zh = "别的"  # type: ignore[misc]  # that is the point
