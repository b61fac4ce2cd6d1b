"""Every item of the standard is answered once, and what an answer names is there."""

import re
from collections import Counter

import pytest

from config import ROOT
from deploy.supply import asvs

ITEMS = asvs.load()


def changed(**more):
    """Return the table with its first item changed."""
    return [ITEMS[0] | more, *ITEMS[1:]]


def test_the_table_holds_together_and_the_page_is_of_today() -> None:
    assert asvs.find_flaws(ITEMS) == []
    assert asvs.PAGE.read_text(encoding="utf-8") == asvs.draw(ITEMS)


def test_all_items_of_levels_one_and_two_are_there() -> None:
    assert Counter(one["level"] for one in ITEMS) == {1: 70, 2: 183, 3: 13}
    assert {one["id"] for one in ITEMS if one["level"] == 3} == {
        "1.2.10", "1.3.12", "2.3.5", "5.2.4", "5.2.5", "5.2.6", "6.3.8", "8.3.2", "14.2.6",
        "14.2.7", "14.2.8", "15.4.2", "16.5.4",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "flaw"),
    [
        ({"tests": ["tests/asvs/test_asvs_table.py::test_nowhere"]}, "no test"),
        ({"tests": ["tests/nowhere.py::test_it"]}, "no test"),
        ({"tests": ["tests/asvs/test_asvs_table.py"]}, "no test"),
        ({"tests": ["tests/asvs/test_asvs_table.py::changed"]}, "no test"),
        ({"settings": ["NO_SUCH_SETTING"]}, "no setting"),
        ({"settings": ["SESSION_COOKIE"]}, "no setting"),
        ({"documents": ["docs/nowhere.md"]}, "no document"),
        ({"documents": ["docs/security.md#Nothing"]}, "no document"),
        ({"absent": "it is not for us"}, "answered, and said not to apply"),
        ({"tests": []}, "nothing answers it"),
        ({"proof": "we say so"}, "what is proof"),
        ({"id": "99.9.9"}, "99.9.9 is no item"),
        ({"id": "1.1.2"}, "1.1.2 stands there twice"),
        ({"level": 3}, "1.1.1 is not answered"),
    ],
)
def test_what_does_not_hold_together_is_a_flaw(more, flaw) -> None:
    assert any(flaw in one for one in asvs.find_flaws(changed(**more)))


def test_settings_and_headings_are_found() -> None:
    assert asvs.is_setting("SESSION_COOKIE_SECURE")
    assert asvs.is_setting("REDRESS_SECURITY_PROFILE")
    assert asvs.is_document("docs/security.md#Words that do not count")


def test_what_is_open_says_what_is_missing() -> None:
    for one in ITEMS:
        if "open" in one:
            assert len(one["open"].split()) >= 4, one["id"]
        if "absent" in one:
            assert len(one["absent"]) > 5, one["id"]


def test_the_page_links_to_what_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", asvs.PAGE.read_text(encoding="utf-8"))
    assert links
    assert [one for one in links if not (ROOT / "docs" / one).exists()] == []


def test_the_command_says_how_many_are_met(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["asvs", "--check"])
    assert asvs.main() == 0
    assert capsys.readouterr().out.startswith("266 items: ")
    monkeypatch.setattr(asvs, "load", lambda: changed(tests=[]))
    assert asvs.main() == 1
    assert "nothing answers it" in capsys.readouterr().err
