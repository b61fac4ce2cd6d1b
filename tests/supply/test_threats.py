"""The threat model and the promises name tests that exist."""

import re

import pytest

from config import ROOT
from tests.node_ids import NODE_ID, functions_of, is_there

MODEL = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ROWS = [line for line in MODEL.splitlines() if line.startswith("|") and "---" not in line]
THREATS = [line for line in ROWS if not line.startswith("| Who |")]


@pytest.mark.parametrize("line", THREATS, ids=lambda line: line.split("|")[2].strip()[:50])
def test_each_threat_is_stopped_by_something_that_a_test_shows(line: str) -> None:
    _who, what, against, shown_by = (cell.strip() for cell in line.strip("|").split("|"))
    named = NODE_ID.findall(shown_by)
    assert what
    assert against
    assert named
    assert [one for one in named if not is_there(one)] == []
    assert shown_by == " ".join(f"`{one}`" for one in named)


def test_every_kind_of_attacker_is_there() -> None:
    who = {line.split("|")[1].strip() for line in THREATS} - {""}
    assert len(who) >= 18
    for word in ("enterprise", "agent", "provider", "reviewer", "department", "administrator"):
        assert any(word in one.casefold() for one in who), word


def test_a_test_that_there_is_not_is_noticed() -> None:
    assert "test_a_test_that_there_is_not_is_noticed" in functions_of(
        "tests/supply/test_threats.py"
    )
    assert is_there("tests/supply/test_threats.py::test_a_test_that_there_is_not_is_noticed[x]")
    assert is_there("tests/supply/test_threats.py")
    assert not is_there("tests/supply/test_threats.py::test_that_nobody_wrote")
    assert not is_there("tests/supply/test_nowhere.py")


def test_how_to_report_is_said_in_both_languages() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "How to report · 怎样报告" in text
    assert len(re.findall(r"[\u4e00-\u9fff]", text)) > 200
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert links
    assert [one for one in links if not (ROOT / one).exists()] == []
